/** The graph beside the text, each choosing in the other; diagnostics while one types; a run to try it; the push. */
import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks";
import { get } from "../../api/client";
import { useData } from "../../api/data";
import type { Diagnostic, Run, Workflow } from "../../api/types";
import { useCan } from "../../app/session";
import { addCall, addNode, changeRelation, connect, freeName, removeEdge, removeNode, renameNode, type Change } from "../../editor/edits";
import { differInExamples, setExample } from "../../editor/examples";
import { nodeOf } from "../../editor/fixes";
import { baseOf, draftOf, dropDraft, keepDraft, useEditor, type Base } from "../../editor/useEditor";
import { Graph, type NodeState } from "../../graph/Graph";
import { OUTPUT, findAt, isEnd, parseWorkflow, sourceText, type Flow, type FlowEdge } from "../../graph/flow";
import { Button, Copy, ErrorBox } from "../../parts/pieces";
import { formatDuration } from "../../parts/time";
import { t } from "../../texts";
import { useContractsOf } from "../components/contracts";
import { NodePanel } from "../runs/NodePanel";
import { Answer } from "../runs/RunView";
import { findEntry, pathOfFailed, topOf } from "../runs/Timeline";
import { AddNode } from "./AddNode";
import { EdgePanel } from "./EdgePanel";
import { FieldPanel } from "./FieldPanel";
import { Findings } from "./Findings";
import { PushDialog } from "./PushDialog";
import { TriedBar } from "./TriedBar";
import { TryDialog } from "./TryDialog";
import { useFindings } from "./useFindings";

const PARSE_MS = 120; // after the last key: the graph

export function EditTab({ name, workflow, reload }: { name: string; workflow?: Workflow; reload: () => Promise<void> }) {
  const [canPush, canRun] = [useCan("push"), useCan("run")];
  const stored = workflow ? sourceText(workflow.workflow) : "";
  const [text, setText] = useState(draftOf(name) ?? stored);
  const newest: Base | undefined = workflow && { version: workflow.version, text: stored };
  const [base, setBase] = useState(draftOf(name) === undefined ? newest : baseOf(name));
  const isChanged = text !== stored;
  const { flow } = useMemo(() => parseWorkflow(text), [text]);
  const [selected, setSelected] = useState<string | undefined>();
  const [edge, setEdge] = useState<FlowEdge | undefined>();
  const [dialog, setDialog] = useState<"add" | "push" | "try" | undefined>();
  const [tried, setTried] = useState<Run | undefined>();
  const contracts = useContractsOf([...flow.nodes.values()].map((node) => node.component));
  const credentials = useData<{ credentials: { name: string }[] }>(canPush ? "credentials" : null, () => get("/credentials"));
  const workflows = useData<{ workflows: { name: string }[] }>("workflow names", () => get("/webhooks"));
  const timer = useRef(0);
  const cursorTimer = useRef(0);
  const latestFlow = useRef(flow);
  latestFlow.current = flow;
  const vars = workflow?.vars ?? undefined;

  const known = () => ({
    flow,
    contracts,
    credentials: credentials.data?.credentials.map((each) => each.name) ?? [],
    workflows: workflows.data?.workflows.map((each) => each.name) ?? [],
  });

  const typed = useRef<string | undefined>(undefined); // and not read yet
  const changed = useCallback((next: string) => {
    clearTimeout(timer.current);
    typed.current = next;
    timer.current = window.setTimeout(() => {
      typed.current = undefined;
      setText(next);
    }, PARSE_MS);
  }, []);
  const latestBase = useRef(base);
  latestBase.current = base;
  useEffect(
    () => () => {
      if (typed.current !== undefined) keepDraft(name, typed.current, latestBase.current); // the view is left meanwhile
    },
    [],
  );

  const editor = useEditor(name, {
    text,
    label: t("text_of", { name }),
    isReadOnly: !canPush,
    known,
    onChange: changed,
    onCursor: (offset) => {
      clearTimeout(cursorTimer.current);
      cursorTimer.current = window.setTimeout(() => {
        const found = findAt(latestFlow.current, offset);
        if (found !== undefined) setSelected(found);
      }, PARSE_MS + 20);
    },
    onSave: () => canPush && setDialog("push"),
    onRun: () => canRun && setDialog("try"),
  });

  useEffect(() => {
    if (isChanged && text !== base?.text) keepDraft(name, text, base);
    else dropDraft(name);
  }, [text, stored]);

  // Somebody has pushed, here or elsewhere: an untouched text follows. Another keeps what it was begun with, to be compared.
  useEffect(() => {
    if (!newest || (newest.version === base?.version && newest.text === base.text)) return;
    if (text !== newest.text && text !== base?.text) return;
    setBase(newest);
    setText(newest.text);
    if (text !== newest.text) editor.handle.current?.replace(newest.text);
  }, [workflow?.version, stored]);

  const checked = useFindings(text, vars, canPush);
  useEffect(() => {
    if (checked.findings) editor.handle.current?.show(checked.findings);
  }, [checked.findings, editor.isReady]);

  const select = (node: string) => {
    setEdge(undefined);
    setSelected(node);
    const at = flow.nodes.get(node)?.at;
    if (at) editor.handle.current?.select(at.from, at.to);
  };
  const apply = (changes: Change[]) => editor.handle.current?.apply(changes);
  const showNew = (step: string, changes: Change[]) => {
    apply(changes);
    setDialog(undefined);
    setEdge(undefined);
    setSelected(step);
    const at = parseWorkflow(now()).flow.nodes.get(step)?.at;
    if (at) editor.handle.current?.select(at.from, at.to);
  };
  const removeStep = (step: string) => {
    apply(removeNode(now(), step));
    setSelected(undefined);
  };
  const now = () => editor.handle.current?.text() ?? text;
  const isNode = selected !== undefined && !isEnd(selected) && flow.nodes.has(selected);
  const lastStep = selected !== undefined && selected !== "output" && flow.nodes.has(selected) ? selected : lastOf(flow);
  const states = useMemo(() => statesOf(text, checked.findings, tried), [text, checked.findings, tried]);
  const entry = tried && selected !== undefined ? findEntry(tried, selected) : undefined;

  return (
    <>
      <div class="edit-tools" role="toolbar" aria-label={t("tools")}>
        {canPush && (
          <>
            <Button kind="main" disabled={!isChanged && workflow !== undefined} onClick={() => setDialog("push")} title="Ctrl+S">
              {t("push")}
            </Button>
            <Button onClick={() => setDialog("try")} title="Ctrl+Enter">
              {t("try_it")}
            </Button>
            <Button onClick={() => setDialog("add")}>{t("add_step")}</Button>
            <Button kind="quiet" onClick={() => editor.handle.current?.undo()}>
              {t("undo_edit")}
            </Button>
            <Button kind="quiet" onClick={() => editor.handle.current?.redo()}>
              {t("redo_edit")}
            </Button>
            {isChanged && workflow && (
              <Button kind="quiet" onClick={() => editor.handle.current?.replace(stored)}>
                {t("discard")}
              </Button>
            )}
          </>
        )}
        {!canPush && canRun && (
          <Button kind="main" onClick={() => setDialog("try")} title="Ctrl+Enter">
            {t("run")}
          </Button>
        )}
        <Copy text={text}>{t("copy_text")}</Copy>
        {isChanged && workflow && <span class="faint">{t("not_pushed")}</span>}
      </div>
      {tried && <TriedBar run={tried} onClose={() => setTried(undefined)} />}
      <div class="edit-parts">
        <section class="panel edit-graph" aria-label={t("graph")}>
          <Graph
            flow={flow}
            selected={selected}
            onSelect={select}
            states={states}
            onConnect={canPush ? (source, target) => apply(connect(now(), source, target)) : undefined}
            onSelectEdge={canPush ? setEdge : undefined}
            onRemove={canPush ? removeStep : undefined}
          />
          <div class="edit-panel" aria-live="polite">
            {edge ? (
              <EdgePanel
                edge={edge}
                onRelation={(relation) => {
                  apply(changeRelation(now(), edge, relation));
                  setEdge(undefined);
                }}
                onRemove={() => {
                  apply(removeEdge(now(), edge));
                  setEdge(undefined);
                }}
              />
            ) : isNode ? (
              <>
                {entry && tried && <NodePanel name={selected} entry={entry} flow={flow} run={tried} />}
                <FieldPanel
                  key={selected}
                  name={selected}
                  text={text}
                  flow={flow}
                  contracts={contracts}
                  isReadOnly={!canPush}
                  onChange={(make) => apply(make(now()))}
                  onRename={(to) => {
                    apply(renameNode(now(), selected, to));
                    setSelected(to);
                  }}
                  onRemove={() => removeStep(selected)}
                  onConnect={(target, relation) => apply(connect(now(), selected, target, relation))}
                  onEdge={setEdge}
                />
              </>
            ) : tried ? (
              <Answer run={tried} />
            ) : (
              <p class="faint">{t("choose_step")}</p>
            )}
          </div>
        </section>
        <section class="panel edit-text" aria-label={t("text")}>
          <div class="editor" ref={editor.place} />
          {!editor.isReady && <pre class="editor-wait">{text}</pre>}
          {checked.error && <ErrorBox error={checked.error} />}
          {canPush && <Findings text={text} findings={checked.findings} onGo={(from, to) => editor.handle.current?.select(from, to)} onFix={apply} />}
        </section>
      </div>
      {dialog === "add" && (
        <AddNode
          contracts={contracts}
          workflows={(workflows.data?.workflows ?? []).map((each) => each.name).filter((each) => each !== name)}
          after={lastStep}
          onClose={() => setDialog(undefined)}
          onAdd={(contract) => {
            const own = freeName(now(), contract.canonical_id);
            showNew(own, addNode(now(), own, contract.canonical_id, contract, lastStep));
          }}
          onCall={(called) => {
            const own = freeName(now(), called);
            showNew(own, addCall(now(), own, called, lastStep));
          }}
        />
      )}
      {dialog === "push" && (
        <PushDialog
          name={name}
          text={now()}
          base={base}
          stored={workflow?.workflow}
          vars={vars}
          onClose={() => setDialog(undefined)}
          onPushed={async () => {
            dropDraft(name);
            setDialog(undefined);
            await reload();
          }}
        />
      )}
      {dialog === "try" && (
        <TryDialog
          name={name}
          text={now()}
          isStored={workflow !== undefined && differInExamples(now(), stored)}
          vars={vars}
          onExample={canPush ? (key, value) => apply(setExample(now(), key, value)) : undefined}
          onClose={() => setDialog(undefined)}
          onRan={(run) => {
            setTried(run);
            setDialog(undefined);
            setSelected(run.node ? topOf(pathOfFailed(run, run.node)) : OUTPUT);
          }}
        />
      )}
    </>
  );
}

/** What a new step follows if nothing is chosen: the one before the answer, or the last that is written. */
function lastOf(flow: Flow): string {
  const before = flow.edges.findLast((edge) => edge.target === "output")?.source ?? [...flow.nodes.keys()].findLast((name) => !isEnd(name));
  return before ?? "input";
}

function statesOf(text: string, findings: Diagnostic[] | undefined, tried: Run | undefined): Map<string, NodeState> {
  const states = new Map<string, NodeState>();
  for (const entry of tried?.trace ?? []) states.set(entry.node, { status: entry.status, note: entry.status === "skipped" ? "" : formatDuration(entry.duration_ms) });
  for (const finding of findings ?? []) {
    const node = nodeOf(text, finding);
    if (node === undefined) continue;
    const state = states.get(node) ?? {};
    states.set(node, finding.severity === "error" ? { ...state, errors: (state.errors ?? 0) + 1 } : { ...state, warnings: (state.warnings ?? 0) + 1 });
  }
  return states;
}
