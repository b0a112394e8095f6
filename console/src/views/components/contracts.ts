/** The contracts of components: the built-in ones come with the console, others from the executor. */
import { get } from "../../api/client";
import { useData } from "../../api/data";
import type { Contract } from "../../api/types";

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

export interface ListedComponent extends Contract {
  is_builtin: boolean;
  statistics?: { runs: number; failed: number; p95_ms?: number };
  versions?: string[];
  attestation?: unknown;
}

async function loadAll(): Promise<ListedComponent[]> {
  const own = await loadBuiltIn();
  const others = await get<{ components: ListedComponent[] }>("/components").catch(() => ({ components: [] }));
  const byId = new Map<string, ListedComponent>(own.map((contract) => [contract.canonical_id, { ...contract, is_builtin: true }]));
  for (const listed of others.components) byId.set(listed.canonical_id, { ...byId.get(listed.canonical_id), ...listed });
  return [...byId.values()].sort((a, b) => a.canonical_id.localeCompare(b.canonical_id));
}

const NONE: ListedComponent[] = [];

/** All components that workflows can use; empty until they are there. */
export function useContracts(): ListedComponent[] {
  return useData("components", loadAll).data ?? NONE;
}

export const useComponents = () => useData("components", loadAll);
