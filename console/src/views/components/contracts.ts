/** The contracts of components: the built-in ones come with the console, others from the executor. */
import { useMemo } from "preact/hooks";
import { get, getAll, pathOf } from "../../api/client";
import { useData } from "../../api/data";
import type { Contract, Json } from "../../api/types";
import { readSchema } from "../../parts/schema";

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

/** What the registry lists of a component: some of its contract, in shapes of its own. */
interface Listed {
  canonical_id: string;
  display_name?: string;
  description?: string;
  category?: string;
  version?: string | number;
  visibility?: string;
  total_runs?: number | null;
  success_rate?: number | null;
  avg_duration_ms?: number | null;
}

/** A published component: its contract, the steps of its review, who has attested it. */
export interface Published {
  contract: Contract | null;
  attestation?: Json;
}

export interface PublishedVersion {
  version: string | number;
}

/** A component that somebody else may have submitted: its schemas as far as they are such. */
export const loadPublished = async (id: string): Promise<Published> => {
  const { contract, ...told } = await get<Published>(pathOf`/components/${id}`);
  if (contract === null) return { contract, ...told };
  return { contract: { ...contract, input_schema: readSchema(contract.input_schema), output_schema: readSchema(contract.output_schema) }, ...told };
};

/** As much of a contract as a list has: the schemas come with the component itself. */
function contractOf({ canonical_id, display_name, description, category, version }: Listed): Contract {
  const told = { display_name: display_name ?? "", description: description ?? "", category: category ?? "data", version: String(version ?? "") };
  return { canonical_id, ...told, input_schema: {}, output_schema: {} };
}

async function loadAll(): Promise<ListedComponent[]> {
  const own = await loadBuiltIn();
  const byId = new Map<string, ListedComponent>(own.map((contract) => [contract.canonical_id, { ...contract, is_builtin: true, is_published: false }]));
  for (const listed of await getAll<Listed>("/components", "components").catch(() => [])) {
    const known = byId.get(listed.canonical_id) ?? { ...contractOf(listed), is_builtin: false };
    const { visibility, total_runs, success_rate, avg_duration_ms } = listed;
    byId.set(listed.canonical_id, { ...known, is_published: true, visibility, total_runs, success_rate, avg_duration_ms });
  }
  return [...byId.values()].sort((a, b) => a.canonical_id.localeCompare(b.canonical_id));
}

const NONE: ListedComponent[] = [];

/** All components that workflows can use; empty until they are there. */
export function useContracts(): ListedComponent[] {
  return useData("components", loadAll).data ?? NONE;
}

export const useComponents = () => useData("components", loadAll);

/** All components, those of `ids` with their whole contracts. */
export function useContractsOf(ids: string[]): ListedComponent[] {
  const all = useContracts();
  const asked = all.filter((each) => !each.is_builtin && ids.includes(each.canonical_id)).map((each) => each.canonical_id);
  const whole = useData<Contract[]>(asked.length > 0 ? `contracts:${asked.join()}` : null, async () => {
    const found = await Promise.all(asked.map(loadPublished));
    return found.flatMap(({ contract }) => contract ?? []);
  }).data;
  return useMemo(() => {
    if (whole === undefined) return all;
    const byId = new Map(whole.map((contract) => [contract.canonical_id, contract]));
    return all.map((each) => ({ ...each, ...byId.get(each.canonical_id) }));
  }, [all, whole]);
}
