/** The contracts of components: the built-in ones come with the console, others from the executor. */
import { getAll } from "../../api/client";
import { useData } from "../../api/data";
import type { Contract, Json } from "../../api/types";

let builtIn: Promise<Contract[]> | undefined;

/** Raises ApiError. */
export function loadBuiltIn(): Promise<Contract[]> {
  builtIn ??= readFile("components.json").catch((fault) => {
    builtIn = undefined;
    throw fault;
  });
  return builtIn;
}

/** A file beside the page. */
async function readFile(file: string): Promise<Contract[]> {
  const response = await fetch(file);
  if (!response.ok) throw new Error(`${file}: ${response.status}`);
  return (await response.json()) as Contract[];
}

/** What the registry tells of a component beside its contract: its statistics are of the account's own runs. */
export interface ListedComponent extends Contract {
  is_builtin: boolean;
  /** Whether the registry has it too. */
  is_published: boolean;
  visibility?: string;
  total_runs?: number | null;
  success_rate?: number | null;
  avg_duration_ms?: number | null;
}

type Listed = Partial<ListedComponent> & { canonical_id: string };

/** A published component: its contract, the steps of its review, who has attested it. */
export interface Published {
  contract: Contract | null;
  attestation?: Json;
}

/** Of what the registry lists without its contract: that comes with the component itself. */
const EMPTY: Omit<Contract, "canonical_id"> = { display_name: "", description: "", category: "data", version: "", input_schema: {}, output_schema: {} };

async function loadAll(): Promise<ListedComponent[]> {
  const own = await loadBuiltIn();
  const byId = new Map<string, ListedComponent>(own.map((contract) => [contract.canonical_id, { ...contract, is_builtin: true, is_published: false }]));
  for (const listed of await getAll<Listed>("/components", "components").catch(() => [])) {
    const known = byId.get(listed.canonical_id);
    byId.set(listed.canonical_id, { ...EMPTY, ...known, ...listed, is_builtin: known !== undefined, is_published: true });
  }
  return [...byId.values()].sort((a, b) => a.canonical_id.localeCompare(b.canonical_id));
}

const NONE: ListedComponent[] = [];

/** All components that workflows can use; empty until they are there. */
export function useContracts(): ListedComponent[] {
  return useData("components", loadAll).data ?? NONE;
}

export const useComponents = () => useData("components", loadAll);
