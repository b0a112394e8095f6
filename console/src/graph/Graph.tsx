/** A flow as a picture: its nodes can be chosen, and while it is edited be connected. */
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { markOf } from "../parts/pieces";
import { t, wordOf } from "../texts";
import { INPUT, OUTPUT, isEnd, labelOf, type Flow, type FlowEdge } from "./flow";
import { layOut, pathThrough, type Box, type Direction, type Layout, type Line } from "./layout";

export interface NodeState {
  status?: string;
  /** Beside the component's name: a count or a time. */
  note?: string;
  /** Findings of its text. */
  errors?: number;
  warnings?: number;
}

interface GraphProps {
  flow: Flow;
  selected?: string;
  onSelect: (name: string) => void;
  states?: Map<string, NodeState>;
  /** How often something went along an edge. */
  counts?: (edge: FlowEdge) => number | undefined;
  direction?: Direction;
  onConnect?: (source: string, target: string) => void;
  onSelectEdge?: (edge: FlowEdge) => void;
  onRemove?: (name: string) => void;
}

const MIN_SCALE = 0.25;
const MAX_SCALE = 2;
const NOTHING: Layout = { width: 0, height: 0, boxes: [], lines: [] }; // until it is known how much room there is

export function Graph(props: GraphProps) {
  const { flow, selected, onSelect, states, counts, onConnect, onSelectEdge, onRemove } = props;
  const frame = useRef<HTMLDivElement>(null);
  const [chosen, setScale] = useState<number | undefined>();
  const [{ width, height }, setRoom] = useState({ width: 0, height: Infinity });
  const direction = props.direction ?? (width < 560 ? "TB" : "LR");
  const isMeasured = width > 0;
  const layout = useMemo(() => (isMeasured ? layOut(flow, direction) : NOTHING), [flow, direction, isMeasured]);
  const [dragged, setDragged] = useState<{ source: string; x: number; y: number } | undefined>();

  useLayoutEffect(() => {
    const element = frame.current!;
    const style = getComputedStyle(element);
    const most = parseFloat(style.maxHeight) - parseFloat(style.paddingBottom) || Infinity;
    const measure = () => setRoom({ width: element.clientWidth, height: most });
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    measure();
    return () => observer.disconnect();
  }, []);

  const fitting = Math.min(1, Math.max(0.55, Math.min(width / Math.max(1, layout.width), height / Math.max(1, layout.height))));
  const scale = chosen ?? fitting;
  const zoom = (factor: number) => setScale(Math.min(MAX_SCALE, Math.max(MIN_SCALE, scale * factor)));

  useEffect(() => {
    if (selected === undefined) return;
    const box = layout.boxes.find(({ name }) => name === selected);
    const element = frame.current;
    if (!box || !element) return;
    const [x, y] = [box.x * scale, box.y * scale];
    const isSeen =
      x > element.scrollLeft + 20 && x < element.scrollLeft + element.clientWidth - 20 && y > element.scrollTop + 20 && y < element.scrollTop + element.clientHeight - 20;
    if (!isSeen) element.scrollTo({ left: x - element.clientWidth / 2, top: y - element.clientHeight / 2 });
  }, [selected, layout, scale]);

  const place = (event: PointerEvent) => {
    const box = frame.current!.querySelector("svg")!.getBoundingClientRect();
    return { x: (event.clientX - box.left) / scale, y: (event.clientY - box.top) / scale };
  };
  const beginConnection = (source: string, event: PointerEvent) => {
    if (!onConnect) return;
    event.preventDefault();
    event.stopPropagation();
    setDragged({ source, ...place(event) });
    const move = (moved: PointerEvent) => setDragged({ source, ...place(moved) });
    const end = (ended: PointerEvent) => {
      window.removeEventListener("pointermove", move);
      setDragged(undefined);
      const { x, y } = place(ended);
      const target = layout.boxes.find((box) => Math.abs(box.x - x) <= box.width / 2 + 8 && Math.abs(box.y - y) <= box.height / 2 + 8);
      if (target && target.name !== source) onConnect(source, target.name);
    };
    window.addEventListener("pointermove", move);
    window.addEventListener("pointerup", end, { once: true });
  };

  /** Arrow keys go along the edges. */
  const walk = (name: string, event: KeyboardEvent) => {
    const isForward = event.key === "ArrowRight" || event.key === "ArrowDown";
    if (!isForward && event.key !== "ArrowLeft" && event.key !== "ArrowUp") return;
    const edge = flow.edges.find((each) => (isForward ? each.source : each.target) === name);
    const next = edge && (isForward ? edge.target : edge.source);
    if (next === undefined) return;
    event.preventDefault();
    onSelect(next);
    frame.current?.querySelector<SVGGElement>(`[data-node="${CSS.escape(next)}"]`)?.focus();
  };

  return (
    <div class="graph">
      <div class="graph-frame" ref={frame} role="group" aria-label={t("graph_of", { name: flow.name })}>
        <svg width={layout.width * scale} height={layout.height * scale} viewBox={`0 0 ${layout.width} ${layout.height}`}>
          <defs>
            {["success", "failure", "condition", "loop", "after", "call"].map((kind) => (
              <marker key={kind} id={`arrow-${kind}`} viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto-start-reverse">
                <path d="M0,0.8 L7.2,4 L0,7.2 z" class={`arrow is-${kind}`} />
              </marker>
            ))}
          </defs>
          {layout.lines.map((line, at) => (
            <EdgeLine key={at} line={line} count={counts?.(line.edge)} onSelect={onSelectEdge} />
          ))}
          {dragged && <path class="edge is-dragged" d={pathThrough([boxAt(layout.boxes, dragged.source), dragged])} />}
          {layout.boxes.map((box) => (
            <NodeBox
              key={box.name}
              box={box}
              component={flow.nodes.get(box.name)?.component ?? ""}
              state={states?.get(box.name)}
              isSelected={box.name === selected}
              direction={direction}
              onSelect={onSelect}
              onWalk={walk}
              onConnect={onConnect && beginConnection}
              onRemove={onRemove}
            />
          ))}
        </svg>
      </div>
      <div class="graph-tools">
        <button type="button" class="button is-quiet" aria-label={t("zoom_out")} onClick={() => zoom(1 / 1.25)}>
          −
        </button>
        <button type="button" class="button is-quiet" title={t("zoom_fit")} onClick={() => setScale(undefined)}>
          {Math.round(scale * 100)} % <span class="visually-hidden">{t("zoom_fit")}</span>
        </button>
        <button type="button" class="button is-quiet" aria-label={t("zoom_in")} onClick={() => zoom(1.25)}>
          +
        </button>
      </div>
    </div>
  );
}

const boxAt = (boxes: Box[], name: string): Box => boxes.find((box) => box.name === name)!;

function EdgeLine({ line, count, onSelect }: { line: Line; count?: number; onSelect?: (edge: FlowEdge) => void }) {
  const { edge, points, label } = line;
  const text = labelOf(edge);
  const middle = label ?? points[Math.floor(points.length / 2)]!;
  const isTaken = count === undefined || count > 0;
  const told = [text, count !== undefined && count > 1 ? `×${count}` : ""].filter(Boolean).join(" ");
  const path = pathThrough(points);
  return (
    <g class={isTaken ? undefined : "is-untaken"}>
      <path class={`edge is-${edge.kind}`} d={path} marker-end={`url(#arrow-${edge.kind})`}>
        <title>{`${edge.source} >> ${edge.relation} >> ${edge.target}`}</title>
      </path>
      {onSelect && <path class="edge-reach" d={path} onClick={() => onSelect(edge)} />}
      {told && (
        <text class={`edge-label is-${edge.kind}`} x={middle.x} y={middle.y + 4} text-anchor="middle">
          {told.length > 22 ? `${told.slice(0, 21)}…` : told}
        </text>
      )}
    </g>
  );
}

interface BoxProps {
  box: Box;
  component: string;
  state?: NodeState;
  isSelected: boolean;
  direction: Direction;
  onSelect: (name: string) => void;
  onWalk: (name: string, event: KeyboardEvent) => void;
  onConnect?: (source: string, event: PointerEvent) => void;
  onRemove?: (name: string) => void;
}

function NodeBox({ box, component, state, isSelected, direction, onSelect, onWalk, onConnect, onRemove }: BoxProps) {
  const { name, width, height } = box;
  const [x, y] = [Math.round(box.x - width / 2), Math.round(box.y - height / 2)];
  const isTerminal = isEnd(name);
  // Begins with what is seen, in its order, so that who speaks it to their browser is understood.
  const said = [...new Set([name, component, state?.note, state?.status && wordOf("status", state.status)])].filter(Boolean).join(", ");
  const classes = ["node", isTerminal && "is-end", isSelected && "is-selected", state?.status && `is-${state.status}`, state?.errors ? "has-errors" : state?.warnings ? "has-warnings" : ""];
  const keys = (event: KeyboardEvent) => {
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      onSelect(name);
    } else if (onRemove && !isTerminal && (event.key === "Delete" || event.key === "Backspace")) {
      event.preventDefault();
      onRemove(name);
    } else onWalk(name, event);
  };
  const handle = direction === "LR" ? { cx: width, cy: height / 2 } : { cx: width / 2, cy: height };
  return (
    <g
      class={classes.filter(Boolean).join(" ")}
      transform={`translate(${x},${y})`}
      tabindex={0}
      role="button"
      aria-pressed={isSelected}
      aria-label={said}
      data-node={name}
      onClick={() => onSelect(name)}
      onKeyDown={keys}
    >
      <rect width={width} height={height} rx={isTerminal ? height / 2 : 7} />
      {isTerminal ? (
        <text class="node-name" x={width / 2} y={height / 2 + 4} text-anchor="middle">
          {name === INPUT || name === OUTPUT ? t(`node_${name}` as "node_input") : name}
        </text>
      ) : (
        <>
          <text class="node-name" x={12} y={18}>
            {clip(name, width - (state?.status ? 34 : 20), 7.4)}
          </text>{" "}
          <text class="node-component" x={12} y={34}>
            {clip([component === name ? "" : component, state?.note].filter(Boolean).join(" · "), width - 20, 6.5)}
          </text>
        </>
      )}
      {state?.status && !isTerminal && (
        <text class="node-mark" x={width - 18} y={19} aria-hidden="true">
          {markOf(state.status)}
        </text>
      )}
      {(state?.errors || state?.warnings) && (
        <text class="node-mark is-finding" x={width - 18} y={19} aria-hidden="true">
          {state.errors ? "✕" : "!"}
        </text>
      )}
      {onConnect && name !== OUTPUT && (
        <circle class="node-handle" {...handle} r={6} onPointerDown={(event) => onConnect(name, event)}>
          <title>{t("connect_from", { name })}</title>
        </circle>
      )}
    </g>
  );
}

function clip(text: string, width: number, sign: number): string {
  const most = Math.max(3, Math.floor(width / sign));
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}
