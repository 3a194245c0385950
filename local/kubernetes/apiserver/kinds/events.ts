/** Events: one stored form, shown by two groups under different names of fields. */
import { type FieldError, invalidField, required } from '../errors.ts';
import { at, type Json, type Obj } from '../json.ts';
import { keyFaults } from '../storage/selectors.ts';
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

/**
 * Faults of an event in the words of a group. An event with a time of its own is one of the new form and has to say who reports what;
 * the newer group takes only that form from its clients.
 */
export function eventFaults(event: Obj, group: '' | 'events.k8s.io'): FieldError[] {
  const core = group === '';
  const faults: FieldError[] = [];
  const about = (core ? event.involvedObject : event.regarding) ?? {};
  const [theirs, own] = [about.namespace ?? '', event.metadata.namespace ?? ''];
  const clusterWide = theirs === '' && (own === 'default' || (event.eventTime && own === 'kube-system'));
  if (theirs !== own && !clusterWide)
    faults.push(invalidField('involvedObject.namespace', theirs, 'does not match event.namespace'));
  if (event.eventTime) {
    const controller = (core ? event.reportingComponent : event.reportingController) ?? '';
    const field = core ? 'reportingComponent' : 'reportingController';
    if (!controller) faults.push(required(field));
    for (const why of keyFaults(controller)) faults.push(invalidField(field, controller, why));
    for (const key of ['reportingInstance', 'action', 'reason']) {
      if (!event[key]) faults.push(required(key));
      else if (event[key].length > 128) faults.push(invalidField(key, '', 'can have at most 128 characters'));
    }
    const note = (core ? event.message : event.note) ?? '';
    if (note.length > 1024) faults.push(invalidField('message', '', 'can have at most 1024 characters'));
  }
  if (core || event.metadata.resourceVersion) return faults;
  if (!event.eventTime) faults.push(required('eventTime'));
  if (!['Normal', 'Warning'].includes(event.type))
    faults.push(invalidField('type', '', `has invalid value: ${event.type ?? ''}`));
  for (const [key, name] of Object.entries({
    deprecatedFirstTimestamp: 'firstTimestamp',
    deprecatedLastTimestamp: 'lastTimestamp',
  }))
    if (event[key]) faults.push(invalidField(name, event[key], 'needs to be unset'));
  if (event.deprecatedCount) faults.push(invalidField('count', event.deprecatedCount, 'needs to be unset'));
  return faults;
}

export const EVENTS_GROUP: Kind[] = [
  define('events.k8s.io', 'v1', 'io.k8s.api.events.v1', 'Event', 'events', {
    shortNames: ['ev'],
    storage: 'events',
    // To Go both groups are one internal type.
    refusedAs: '',
    columns: EVENT_COLUMNS,
    toStored: (event) => renamed(event, TO_CORE, 'v1'),
    fromStored: (event) => {
      const { reportingController, reportingInstance, ...rest } = renamed(event, FROM_CORE, 'events.k8s.io/v1');
      return {
        ...rest,
        ...(reportingController && { reportingController }),
        ...(reportingInstance && { reportingInstance }),
      } as Obj;
    },
    validate: (event) => eventFaults(event, 'events.k8s.io'),
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
