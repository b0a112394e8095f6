// Reads files of a folder that platform.mjs provides to a Worker as a disk service.

/** A reader at the start of the file, or undefined if there is no such file. The caller closes it. */
export async function openFile(folder, name) {
  const answer = await folder.fetch(`http://folder/${name}`);
  if (answer.status === 200) return new OpenFile(answer);
  await answer.body?.cancel();
  return undefined;
}

/** All bytes of a file, in a buffer of exactly that size, or undefined if there is no such file. */
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

  /** Fill `view` and return it, as its buffer is transferred; undefined if the file ends before. */
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
