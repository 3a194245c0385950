/** Whether a policy or a binding speaks of a request, and of which version of the object. */
import type { Json } from '../../json.ts';
import type { Kind } from '../../kinds/kind.ts';
import { selects } from '../../kinds/label-selector.ts';
import { keyOf } from '../../storage/store.ts';
import { type Attributes, placeOf } from '../attributes.ts';

const listed = (list: string[] | undefined, value: string): boolean =>
  list?.includes('*') === true || list?.includes(value) === true;

function resourceListed(resources: string[] | undefined, resource: string, subresource: string): boolean {
  return (resources ?? []).some((one) => {
    const [main, sub = ''] = one.split('/');
    return (main === '*' || main === resource) && (one === '*/*' || sub === '*' || sub === subresource);
  });
}

function ruleMatches(rule: Json, attributes: Attributes, kind: Kind): boolean {
  const { operation, subresource } = attributes;
  const { name } = placeOf(attributes);
  const scope = kind.namespaced ? 'Namespaced' : 'Cluster';
  return (
    listed(rule.operations, operation) &&
    listed(rule.apiGroups, kind.group) &&
    listed(rule.apiVersions, kind.version) &&
    resourceListed(rule.resources, kind.resource, subresource) &&
    (!rule.scope || rule.scope === '*' || rule.scope === scope) &&
    (!rule.resourceNames?.length || rule.resourceNames.includes(name))
  );
}

/** The kind itself, then the other versions in which the same object can be seen. */
const versionsOf = ({ call, kind }: Attributes, equivalent: boolean): Kind[] =>
  equivalent
    ? [kind, ...call.context.registry.all().filter((one) => one !== kind && one.storage === kind.storage)]
    : [kind];

/** What lies in no namespace is not held back by a namespace selector; a namespace is judged by its own labels. */
function namespaceSelected(selector: Json, attributes: Attributes): boolean {
  const { call, kind, object, old } = attributes;
  if (!selector || (!selector.matchLabels && !selector.matchExpressions)) return true;
  if (kind.storage === 'namespaces') return selects(selector, (object ?? old)?.metadata.labels);
  if (!kind.namespaced) return true;
  const { namespace } = placeOf(attributes);
  return selects(
    selector,
    call.context.store.get('namespaces', keyOf(undefined, namespace ?? ''))?.object.metadata.labels,
  );
}

const objectSelected = (selector: Json, { object, old }: Attributes): boolean =>
  !selector ||
  (!selector.matchLabels && !selector.matchExpressions) ||
  [object, old].some((one) => one !== undefined && selects(selector, one.metadata?.labels));

/** The kind, in the version that the rules ask for, or undefined if they do not speak of the request. No rules: of every request. */
export function matched(match: Json, attributes: Attributes): Kind | undefined {
  if (!match) return attributes.kind;
  if (!namespaceSelected(match.namespaceSelector, attributes) || !objectSelected(match.objectSelector, attributes))
    return undefined;
  const versions = versionsOf(attributes, match.matchPolicy !== 'Exact');
  const among = (rules: Json[] | undefined) =>
    versions.find((kind) => (rules ?? []).some((rule) => ruleMatches(rule, attributes, kind)));
  if (among(match.excludeResourceRules)) return undefined;
  return match.resourceRules?.length ? among(match.resourceRules) : attributes.kind;
}
