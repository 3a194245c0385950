/** Rules of EventBridge with a rate: a timer that invokes each target, if it may. */
import { randomUUID } from 'node:crypto';
import type { ServiceInvoke } from '#local/lambda/service-invoke.ts';
import { ACCOUNT, REGION } from '#local/types.ts';

export interface RuleDeclaration {
  readonly arn: string;
  readonly periodSeconds: number;
  readonly targets: readonly { readonly functionArn: string; readonly input?: unknown }[];
}

const UNITS: Readonly<Record<string, number>> = { minute: 60, hour: 3600, day: 86_400 };

/** The period of `rate(5 minutes)`, in seconds; other expressions do not run here. */
export function parseRate(expression: string): number {
  const [, value, unit] = /^rate\((\d+) (minute|hour|day)s?\)$/.exec(expression) ?? [];
  if (!value || !unit || value === '0')
    throw new Error(`the schedule ${expression} does not run here; rate(N minutes|hours|days) does`);
  return Number(value) * UNITS[unit]!;
}

const event = (ruleArn: string): unknown => ({
  version: '0',
  id: randomUUID(),
  'detail-type': 'Scheduled Event',
  source: 'aws.events',
  account: ACCOUNT,
  time: new Date().toISOString().replace(/\.\d+Z$/, 'Z'),
  region: REGION,
  resources: [ruleArn],
  detail: {},
});

/** Starts the rules; `periodSeconds` takes the place of every rule's own. A target that is still at it is not started again. */
export function startRules(
  rules: readonly RuleDeclaration[],
  invoke: ServiceInvoke,
  periodSeconds: number | undefined,
  log: (line: string) => void,
): () => void {
  const timers = rules.flatMap(({ arn, targets, periodSeconds: own }) =>
    targets.map(({ functionArn, input }) => {
      let busy = false;
      const fire = async (): Promise<void> => {
        if (busy) return;
        busy = true;
        try {
          const { functionError, payload } = await invoke(
            'events.amazonaws.com',
            arn,
            functionArn,
            input ?? event(arn),
          );
          if (functionError) log(`${arn}: ${payload?.errorType}: ${payload?.errorMessage}`);
        } finally {
          busy = false;
        }
      };
      // A rate counts from when its rule is made, and the first event comes then: what a sweep prepares is there from the start.
      void fire();
      return setInterval(fire, (periodSeconds ?? own) * 1000);
    }),
  );
  return () => timers.forEach(clearInterval);
}
