/** One component: its contract, an example to copy, versions, statistics, who has attested it. */
import { stringify } from "yaml";
import { get, pathOf } from "../../api/client";
import { useData } from "../../api/data";
import type { Schema } from "../../api/types";
import { linkTo } from "../../app/router";
import { JsonView } from "../../parts/json";
import { Copy, Empty, Fact, Page, Shown } from "../../parts/pieces";
import { formatDuration } from "../../parts/time";
import { t } from "../../texts";
import { categoryWord } from "./ComponentList";
import { loadPublished, useComponents, type ListedComponent, type Published, type PublishedVersion } from "./contracts";

export function ComponentView({ id }: { id: string }) {
  const loaded = useComponents();
  return (
    <Shown of={loaded}>
      {(all) => {
        const component = all.find((each) => each.canonical_id === id);
        if (!component) {
          return (
            <Page title={id}>
              <Empty title={t("no_component", { id })}>
                <a href={linkTo(["components"])}>{t("components")}</a>
              </Empty>
            </Page>
          );
        }
        return <One component={component} />;
      }}
    </Shown>
  );
}

function One({ component: listed }: { component: ListedComponent }) {
  const { canonical_id: id } = listed;
  const published = useData<Published>(listed.is_published ? `component:${id}` : null, () => loadPublished(id));
  const versions = useData<{ versions: PublishedVersion[] }>(listed.is_published ? `versions:${id}` : null, () => get(pathOf`/components/${id}/versions`));
  const component: ListedComponent = { ...listed, ...published.data?.contract };
  const example = exampleOf(component);
  const { total_runs: runs, success_rate: rate, avg_duration_ms: took } = listed;
  return (
    <Page title={component.canonical_id}>
      <p>{component.description}</p>
      <dl class="facts">
        <Fact title={t("category")}>{categoryWord(component.category)}</Fact>
        <Fact title={t("version")}>{component.version}</Fact>
        {component.stability && <Fact title={t("stability")}>{component.stability}</Fact>}
        {component.author && <Fact title={t("author")}>{component.author}</Fact>}
        <Fact title={t("reaches")}>{component.capabilities?.length ? component.capabilities.join(", ") : t("reaches_nothing")}</Fact>
        {runs !== undefined && runs !== null && (
          <Fact title={t("runs")}>
            {runs}
            {rate !== undefined && rate !== null && `, ${t("failed_share", { share: `${Math.round((1 - rate) * 100)} %` })}`}
            {took !== undefined && took !== null && `, ⌀ ${formatDuration(took)}`}
          </Fact>
        )}
        {versions.data && <Fact title={t("versions")}>{versions.data.versions.map(({ version }) => version).join(", ")}</Fact>}
        {listed.visibility && <Fact title={t("visibility")}>{listed.visibility}</Fact>}
      </dl>
      {example && (
        <section class="card">
          <h2>
            {t("example")} <Copy text={example} />
          </h2>
          <pre tabIndex={0}>{example}</pre>
        </section>
      )}
      {(component.credentials_required?.length ?? 0) > 0 && (
        <section class="card">
          <h2>{t("credentials")}</h2>
          <ul>
            {component.credentials_required!.map((credential) => (
              <li key={credential.key}>
                <code>{credential.key}</code> {credential.description}{" "}
                {credential.help_url && isHttps(credential.help_url) && (
                  <a href={credential.help_url} target="_blank" rel="noreferrer noopener">
                    {t("where_to_get")}
                  </a>
                )}
              </li>
            ))}
          </ul>
        </section>
      )}
      <section class="card">
        <h2>{t("input")}</h2>
        <Fields schema={component.input_schema} />
      </section>
      <section class="card">
        <h2>{t("output")}</h2>
        <Fields schema={component.output_schema} />
      </section>
      {published.data?.attestation != null && (
        <section class="card">
          <h2>{t("attestation")}</h2>
          <JsonView value={published.data.attestation} />
        </section>
      )}
    </Page>
  );
}

const isHttps = (url: string): boolean => /^https:\/\//i.test(url);

function exampleOf(component: ListedComponent): string | undefined {
  const example = component.config_example;
  if (example === null || typeof example !== "object" || Array.isArray(example)) return undefined;
  return stringify({ config: { step: { component: component.canonical_id, ...example } } }, { lineWidth: 100 });
}

function Fields({ schema }: { schema: Schema }) {
  const fields = Object.entries(schema.properties ?? {});
  if (fields.length === 0) return <p class="faint">{schema.description ?? t("no_fields")}</p>;
  return (
    <div class="table-frame" tabIndex={0}>
      <table>
        <tbody>
          {fields.map(([name, field]) => (
            <tr key={name}>
              <th scope="row">
                <code>{name}</code>
                {schema.required?.includes(name) && <span title={t("required")}> *</span>}
              </th>
              <td class="faint">{kindOf(field)}</td>
              <td>{field.description}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

const MAX_CHOICES = 30;

function kindOf(schema: Schema): string {
  if (schema.enum) return [...schema.enum.slice(0, MAX_CHOICES).map((each) => (typeof each === "string" ? each : JSON.stringify(each))), ...(schema.enum.length > MAX_CHOICES ? ["…"] : [])].join(" | ");
  if (schema.anyOf || schema.oneOf) return (schema.anyOf ?? schema.oneOf)!.map(kindOf).join(" | ");
  return Array.isArray(schema.type) ? schema.type.join(" | ") : (schema.type ?? t("any_value"));
}
