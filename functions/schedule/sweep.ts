/** Lambda: the sweeper, once a minute. */
import { liveDeps } from '../lib/deps.ts';
import { readEnv } from '../lib/env.ts';
import { seatLimitsOf, seatTimingsOf } from '../lib/seat-limits.ts';
import { liveWorkflows } from '../lib/workflows.ts';
import { liveProviders } from '../tasks/providers/live.ts';
import { liveLeftovers } from '../tasks/providers/live-leftovers.ts';
import type { Cloud } from './duties/clouds.ts';
import { sweep } from './duties/sweep.ts';

const env = readEnv('schedule/sweep');
const leftovers = liveLeftovers();
const clouds = [...liveProviders(env)]
  // What is not ours to remove cannot be an orphan of ours.
  .filter(([, { livesOn = false }]) => !livesOn)
  .map(
    ([name, { versions, listOwned, remove, observeGone }]): Cloud => ({
      name,
      versions,
      listOwned,
      remove,
      observeGone,
      leftovers: leftovers.get(name) ?? (async () => 0),
    }),
  );

export const handler = sweep({
  ...liveDeps(env, 'sweep'),
  ...liveWorkflows(env),
  clouds,
  limits: seatLimitsOf(env),
  timings: seatTimingsOf(env),
  checkSeconds: env.CHECK_SECONDS,
  warningSeconds: env.EXPIRY_WARNING_SECONDS,
  deleteDeadlineSeconds: env.DELETE_DEADLINE_SECONDS,
  startGraceSeconds: env.START_GRACE_SECONDS,
  orphanAgeSeconds: env.ORPHAN_AGE_SECONDS,
});
