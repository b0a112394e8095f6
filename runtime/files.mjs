// Files of a folder that platform.mjs lends to a Worker as a disk service.

/** The file to read from its beginning, or undefined where it is not there. Close it. */
export async function openFile(folder, name) {
  const answer = await folder.fetch(`http://folder/${name}`);
  if (answer.status === 200) return new OpenFile(answer);
  await answer.body?.cancel();
  return undefined;
}

/** All bytes of a file, in a buffer of that size, or undefined where it is not there. */
export async function readFile(folder, name) {
  const file = await openFile(folder, name);
  return file && (await file.read(new Uint8Array(file.size)));
}

class OpenFile {
  #reader;

  constructor(answer) {
    this.size = Number(answer.headers.get("content-length"));
    this.#reader = answer.body.getReader({ mode: "byob" });
  }

  /** Fills `view`, and gives it back, for it has moved; undefined where the file ends before. */
  async read(view) {
    const wanted = view.length;
    if (wanted === 0) return view;
    const { value } = await this.#reader.readAtLeast(wanted, view);
    return value?.length === wanted ? value : undefined;
  }

  async close() {
    await this.#reader.cancel().catch(() => {});
  }
}
