/** What workflows can be made of: searchable, in the groups that people look for. */
import { useMemo, useState } from "preact/hooks";
import { linkTo } from "../../app/router";
import { Empty, Page, Shown } from "../../parts/pieces";
import { t, wordOf } from "../../texts";
import { useComponents, type ListedComponent } from "./contracts";
import { searchContracts } from "./search";

export function ComponentList() {
  const loaded = useComponents();
  const [text, setText] = useState("");
  const found = useMemo(() => searchContracts(loaded.data?.components ?? [], text), [loaded.data, text]);
  return (
    <Page title={t("components")}>
      <form class="filters" role="search" onSubmit={(event) => event.preventDefault()}>
        <input type="search" data-search value={text} placeholder={t("search_components")} aria-label={t("search_components")} onInput={(event) => setText(event.currentTarget.value)} />
      </form>
      <Shown of={loaded}>
        {({ fault }) => (
          <>
            {fault && (
              <p class="notice">
                {t("registry_missing")} {fault.problem.message} <code class="faint">{fault.code}</code>
              </p>
            )}
            {found.length === 0 ? <Empty title={t("nothing_found")} /> : grouped(found).map(([category, components]) => <Group key={category} category={category} components={components} />)}
          </>
        )}
      </Shown>
    </Page>
  );
}

function grouped(components: ListedComponent[]): [string, ListedComponent[]][] {
  const groups = new Map<string, ListedComponent[]>();
  for (const component of components) groups.set(component.category, [...(groups.get(component.category) ?? []), component]);
  return [...groups].sort(([a], [b]) => a.localeCompare(b));
}

export const categoryWord = (category: string): string => wordOf("category", category);

function Group({ category, components }: { category: string; components: ListedComponent[] }) {
  return (
    <section>
      <h2>{categoryWord(category)}</h2>
      <div class="cards">
        {components.map((component) => (
          <a key={component.canonical_id} class="card is-choice" data-row href={linkTo(["components", component.canonical_id])}>
            <strong>{component.canonical_id}</strong>
            <span>{component.description.split(". ")[0]}</span>
          </a>
        ))}
      </div>
    </section>
  );
}
