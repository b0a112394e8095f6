import { render } from "preact";
import { App } from "./app/App";
import { emptyWorkflow } from "./editor/edits";
import { parseWorkflow } from "./graph/flow";
import { layOut } from "./graph/layout";
import { applyTheme } from "./app/theme";

applyTheme();
/** What reading and drawing a graph needs is compiled while nothing else is to be done: the first run is shown sooner. */
function warmUp(): void {
  for (const direction of ["LR", "TB"] as const) layOut(parseWorkflow(emptyWorkflow("warm")).flow, direction);
}

render(<App />, document.getElementById("app")!);
(window.requestIdleCallback ?? ((work: () => void) => window.setTimeout(work, 200)))(warmUp);
