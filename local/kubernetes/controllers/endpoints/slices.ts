/** Which EndpointSlice holds which endpoint: what has a place keeps it, so that one change writes one slice. Pure. */
import { sameJson } from '../machinery/equal.ts';
import type { EndpointSlice } from '../machinery/types.ts';
import type { endpointOf, Port } from './addresses.ts';

type Endpoint = ReturnType<typeof endpointOf>;

/** As kube-controller-manager's --max-endpoints-per-slice. */
const PER_SLICE = 100;

export interface SlicePlan {
  create: { ports: Port[]; endpoints: Endpoint[] }[];
  update: { slice: EndpointSlice; endpoints: Endpoint[] }[];
  remove: EndpointSlice[];
}

const byUid = (endpoint: { targetRef?: { uid?: string | undefined } | undefined }) => endpoint.targetRef?.uid;

/** `wanted`: endpoints by their ports. A service without pods keeps one empty slice. */
export function planSlices(wanted: { ports: Port[]; endpoints: Endpoint[] }[], slices: EndpointSlice[]): SlicePlan {
  const plan: SlicePlan = { create: [], update: [], remove: [] };
  const left = new Set(slices);
  const groups = wanted.length > 0 ? wanted : [{ ports: [], endpoints: [] }];
  for (const { ports, endpoints } of groups) {
    const mine = [...left].filter((slice) =>
      sameJson(
        slice.ports?.map(({ name, ...port }) => ({ ...port, ...(name && { name }) })),
        ports,
      ),
    );
    const open = new Map(endpoints.map((endpoint) => [byUid(endpoint), endpoint]));
    const filled = mine.map((slice) => {
      const kept = (slice.endpoints ?? []).flatMap((endpoint) => {
        const now = open.get(byUid(endpoint));
        open.delete(byUid(endpoint));
        return now ? [now] : [];
      });
      return { slice, kept };
    });
    const rest = [...open.values()];
    for (const { slice, kept } of filled) {
      kept.push(...rest.splice(0, Math.max(0, PER_SLICE - kept.length)));
      const only = endpoints.length === 0 && filled[0]?.slice === slice && wanted.length === 0;
      if (kept.length === 0 && !only) continue;
      left.delete(slice);
      if (!sameJson(slice.endpoints, kept)) plan.update.push({ slice, endpoints: kept });
    }
    while (rest.length > 0) plan.create.push({ ports, endpoints: rest.splice(0, PER_SLICE) });
    if (wanted.length === 0 && filled.length === 0) plan.create.push({ ports, endpoints: [] });
  }
  plan.remove = [...left];
  return plan;
}
