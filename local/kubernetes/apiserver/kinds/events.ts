/** Events: one stored form, shown by two groups under different names of fields. */
import { at, type Json, type Obj } from '../json.ts';
import { ageOf, column, wide } from './columns.ts';
import { define } from './define.ts';
import type { Column, Kind } from './kind.ts';

const TO_CORE: Record<string, string> = {
  regarding: 'involvedObject',
  note: 'message',
  reportingController: 'reportingComponent',
  deprecatedSource: 'source',
  deprecatedFirstTimestamp: 'firstTimestamp',
  deprecatedLastTimestamp: 'lastTimestamp',
  deprecatedCount: 'count',
};
const FROM_CORE = Object.fromEntries(Object.entries(TO_CORE).map(([a, b]) => [b, a]));

const renamed = (object: Obj, names: Record<string, string>, apiVersion: string): Obj =>
  ({
    ...Object.fromEntries(Object.entries(object).map(([key, value]) => [names[key] ?? key, value])),
    apiVersion,
  }) as unknown as Obj;

const lastSeen = (event: Obj): string => {
  if (at(event, 'series.lastObservedTime')) return ageOf(event.series.lastObservedTime);
  return ageOf(event.lastTimestamp || event.firstTimestamp || event.eventTime);
};

/** On the stored form. */
export const EVENT_COLUMNS: Column[] = [
  column('Last Seen', lastSeen),
  column('Type', (event) => event.type ?? ''),
  column('Reason', (event) => event.reason ?? ''),
  column('Object', (event) => {
    const { kind = '', name = '' } = event.involvedObject ?? {};
    return name ? `${kind.toLowerCase()}/${name}` : kind.toLowerCase();
  }),
  wide('Subobject', (event) => at(event, 'involvedObject.fieldPath') ?? ''),
  wide('Source', (event) => {
    const { component, host } = event.source ?? {};
    const from = component || event.reportingComponent || '';
    const where = host || (component ? '' : event.reportingInstance) || '';
    return where ? `${from}, ${where}` : from;
  }),
  column('Message', (event) => String(event.message ?? '').trim()),
  wide('First Seen', (event) => ageOf(event.firstTimestamp || event.eventTime)),
  wide('Count', (event) => at(event, 'series.count') ?? (event.count || 1)),
  wide('Name', (event) => event.metadata.name, { format: 'name' }),
];

export const EVENTS_GROUP: Kind[] = [
  define('events.k8s.io', 'v1', 'io.k8s.api.events.v1', 'Event', 'events', {
    shortNames: ['ev'],
    storage: 'events',
    columns: EVENT_COLUMNS,
    toStored: (event) => renamed(event, TO_CORE, 'v1'),
    fromStored: (event) => renamed(event, FROM_CORE, 'events.k8s.io/v1'),
    createOnUpdate: true,
    fields: {
      'regarding.kind': (event: Obj): Json => at(event, 'involvedObject.kind') ?? '',
      'regarding.name': (event: Obj): Json => at(event, 'involvedObject.name') ?? '',
      'regarding.namespace': (event: Obj): Json => at(event, 'involvedObject.namespace') ?? '',
      'regarding.uid': (event: Obj): Json => at(event, 'involvedObject.uid') ?? '',
      reason: (event: Obj): Json => event.reason ?? '',
      type: (event: Obj): Json => event.type ?? '',
    },
  }),
];
