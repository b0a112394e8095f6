// Imported before Pyodide, which chooses its loader by the globals it finds. workerd has Node's `process`, but no
// `location`: hide the former and define the latter, so that Pyodide takes its browser path.
delete globalThis.process;
globalThis.location ??= new URL("http://runtime/");
globalThis.addEventListener ??= () => {};
