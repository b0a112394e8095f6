// Imported before Pyodide, which chooses its loader by the globals it finds. workerd has Node's `process`, and no
// `location`: hide the one and lend the other, so that Pyodide takes its browser path.
delete globalThis.process;
globalThis.location ??= new URL("http://runtime/");
globalThis.addEventListener ??= () => {};
