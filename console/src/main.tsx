import { render } from "preact";

render(<main>arcrun</main>, document.getElementById("app")!);
