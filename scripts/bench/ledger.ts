/** Which invocation of which function made which AWS calls: the bill of one operation, line by line. */
import type { Invocation, InvokeHooks } from '#local/lambda/functions.ts';
import type { Runtime } from '#local/runtime.ts';

/** `dynamodb:GetItem` → number. */
export type Counts = Readonly<Record<string, number>>;

export interface Line {
  /** Name of the function in the template, without the CDK's hash: `HttpClusters`. */
  readonly function: string;
  /** What kind of event it was given: a message's type (and the phase that it tells of), `connect`, the entities of stream records; nothing for others. */
  readonly kind: string;
  readonly counts: Counts;
}

export interface Ledger {
  readonly hooks: InvokeHooks;
  readonly lines: Line[];
  /** Must be told once the runtime is up: what ran before is not counted. */
  watch(runtime: Runtime): void;
  /** Invocations of which this is true wait until `release` is called or the predicate is taken away. */
  hold(which: ((line: Omit<Line, 'counts'>) => boolean) | undefined): void;
  /** Invocations that run, without those that are held. */
  readonly running: number;
}

interface SocketEvent {
  readonly body?: string;
  readonly requestContext?: { readonly eventType?: string };
  readonly Records?: readonly { readonly eventName: string; readonly dynamodb: Record<string, unknown> }[];
}

const entityOf = (image: unknown): string => (image as { entity?: { S?: string } } | undefined)?.entity?.S ?? '';

const kindOf = (payload: unknown): string => {
  const { requestContext, body, Records } = (payload ?? {}) as SocketEvent;
  if (Records !== undefined)
    return [...new Set(Records.map(({ dynamodb }) => entityOf(dynamodb.NewImage) || entityOf(dynamodb.OldImage)))]
      .toSorted()
      .join('+');
  const type = requestContext?.eventType;
  if (type === undefined) return '';
  if (type !== 'MESSAGE') return type.toLowerCase();
  const { type: said = '', payload: told } = JSON.parse(body ?? '{}') as {
    type?: string;
    payload?: { status?: { phase?: string } };
  };
  return [said, told?.status?.phase].filter(Boolean).join(' ');
};

const FUNCTION = /Function[0-9A-F]{8}$/;

export const createLedger = (): Ledger => {
  const lines: Line[] = [];
  const before = new Map<string, Counts>();
  let runtime: Runtime | undefined;
  let held: ((line: Omit<Line, 'counts'>) => boolean) | undefined;
  let waiting: (() => void)[] = [];
  let running = 0;
  const named = ({ function: { logicalId }, payload }: Invocation) => ({
    function: logicalId.replace(FUNCTION, ''),
    kind: kindOf(payload),
  });
  const countsOf = (it: Invocation): Counts =>
    runtime?.calls.byOperation((caller) => caller === it.function.name) ?? {};
  return {
    lines,
    watch: (started) => {
      runtime = started;
    },
    hold: (which) => {
      held = which;
      for (const go of waiting.splice(0)) go();
      waiting = [];
    },
    get running() {
      return running;
    },
    hooks: {
      async before(it) {
        while (held?.(named(it)) === true) await new Promise<void>((resolve) => waiting.push(resolve));
        running += 1;
        before.set(it.requestId, countsOf(it));
      },
      after(it) {
        running -= 1;
        const was = before.get(it.requestId) ?? {};
        before.delete(it.requestId);
        const counts = Object.fromEntries(
          Object.entries(countsOf(it))
            .map(([operation, count]) => [operation, count - (was[operation] ?? 0)] as const)
            .filter(([, count]) => count > 0),
        );
        lines.push({ ...named(it), counts });
      },
    },
  };
};
