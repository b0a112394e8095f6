import type { Contract } from "../../api/types";

/** Those that have all words, the ones that are called so first. */
export function searchContracts<T extends Contract>(contracts: T[], text: string): T[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const textOf = (contract: T) =>
    [contract.canonical_id, contract.display_name, contract.description, contract.category, ...(contract.tags ?? [])].join(" ").toLowerCase();
  const rank = (contract: T) => {
    const first = words[0] ?? "";
    if (contract.canonical_id === first) return 0;
    if (contract.canonical_id.startsWith(first)) return 1;
    return contract.canonical_id.includes(first) || contract.display_name.toLowerCase().includes(first) ? 2 : 3;
  };
  return contracts.filter((contract) => words.every((word) => textOf(contract).includes(word))).sort((a, b) => rank(a) - rank(b));
}
