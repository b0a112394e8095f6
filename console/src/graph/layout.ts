/** Where the nodes and edges of a flow lie, in pixels. */
import * as dagre from "@dagrejs/dagre";
import { isEnd, labelOf, type Flow, type FlowEdge } from "./flow";

export interface Point {
  x: number;
  y: number;
}

export interface Box extends Point {
  name: string;
  width: number;
  height: number;
}

export interface Line {
  edge: FlowEdge;
  points: Point[];
  label?: Point;
}

export interface Layout {
  width: number;
  height: number;
  boxes: Box[];
  lines: Line[];
}

export type Direction = "LR" | "TB";

const HEIGHT = 44;
const END_HEIGHT = 28;
const MARGIN = 12;
const SIGN = 7.4; // pixels a character of 12.5 px takes, on average
const WIDE_SIGN = 13;

const widthOf = (text: string): number => [...text].reduce((sum, sign) => sum + (sign.charCodeAt(0) > 0x2e80 ? WIDE_SIGN : SIGN), 0);
const NOTE = 52; // room for " · 123 ms" beside the component's name
const MAX_WIDTH = 230;

let last: { key: string; layout: Layout } | undefined;

export function layOut(flow: Flow, direction: Direction): Layout {
  const key = JSON.stringify([direction, [...flow.nodes.values()].map((node) => [node.name, node.component]), flow.edges.map((edge) => [edge.source, edge.relation, edge.target])]);
  if (last?.key !== key) last = { key, layout: compute(flow, direction) };
  // Offsets of the text are those of now.
  return { ...last.layout, lines: last.layout.lines.map((line, at) => ({ ...line, edge: flow.edges[at] ?? line.edge })) };
}

function compute(flow: Flow, direction: Direction): Layout {
  if (flow.nodes.size === 0) return { width: 0, height: 0, boxes: [], lines: [] };
  const graph = new dagre.graphlib.Graph({ multigraph: true });
  const isLarge = flow.nodes.size > 60;
  graph.setGraph({
    rankdir: direction,
    nodesep: direction === "LR" ? 18 : 26,
    ranksep: 44,
    edgesep: 10,
    marginx: MARGIN,
    marginy: MARGIN,
    ranker: isLarge ? "longest-path" : "network-simplex",
  });
  for (const node of flow.nodes.values()) {
    const text = isEnd(node.name) ? widthOf(node.name) : Math.max(widthOf(node.name), widthOf(node.component === node.name ? "" : node.component) * 0.9 + NOTE) + 26;
    graph.setNode(idOf(node.name), { width: Math.min(MAX_WIDTH, Math.max(isEnd(node.name) ? 56 : 96, text + 22)), height: isEnd(node.name) ? END_HEIGHT : HEIGHT });
  }
  flow.edges.forEach((edge, at) => {
    const label = labelOf(edge);
    const room = label ? { width: Math.min(160, widthOf(label) * 0.85 + 10), height: 16, labelpos: "c" } : { width: 0, height: 0 };
    graph.setEdge(idOf(edge.source), idOf(edge.target), { ...room, minlen: 1 }, String(at));
  });
  dagre.layout(graph, isLarge ? { customOrder: orderByWalk } : {});
  const boxes = [...flow.nodes.keys()].map((name) => ({ name, ...(graph.node(idOf(name)) as Omit<Box, "name">) }));
  const lines = flow.edges.map((edge, at) => {
    const found = graph.edge(idOf(edge.source), idOf(edge.target), String(at)) as { points: Point[]; x?: number; y?: number };
    const label = found.x === undefined || found.y === undefined ? undefined : { x: found.x, y: found.y };
    return { edge, points: found.points, label };
  });
  const size = graph.graph() as { width?: number; height?: number };
  return { width: size.width ?? 0, height: size.height ?? 0, boxes, lines };
}

/** dagre keeps nodes by name in plain objects, where `__proto__` is no name. */
const idOf = (name: string): string => `=${name}`;

/** The steps of a rank in the order of a walk along the edges: with what dagre begins, and a large graph has to be content. */
function orderByWalk(graph: dagre.graphlib.Graph): void {
  const taken: number[] = []; // places, by rank
  const seen = new Set<string>();
  const visit = (name: string) => {
    if (seen.has(name)) return;
    seen.add(name);
    const node = graph.node(name) as { rank: number; order?: number };
    node.order = taken[node.rank] ?? 0;
    taken[node.rank] = node.order + 1;
    for (const next of graph.successors(name) ?? []) visit(next);
  };
  const rankOf = (name: string) => (graph.node(name) as { rank: number }).rank;
  for (const name of graph.nodes().sort((a, b) => rankOf(a) - rankOf(b))) visit(name);
}

/** A smooth path through the points. */
export function pathThrough(points: Point[]): string {
  const [first, ...rest] = points;
  if (!first) return "";
  if (rest.length < 2) return `M${at(first)}${rest.map((point) => `L${at(point)}`).join("")}`;
  let path = `M${at(first)}`;
  for (let i = 0; i < rest.length - 1; i++) {
    const [control, next] = [rest[i]!, rest[i + 1]!];
    const end = i === rest.length - 2 ? next : { x: (control.x + next.x) / 2, y: (control.y + next.y) / 2 };
    path += `Q${at(control)} ${at(end)}`;
  }
  return path;
}

const at = ({ x, y }: Point): string => `${Math.round(x)},${Math.round(y)}`;
