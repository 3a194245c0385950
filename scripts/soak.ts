/** `npm run soak`: minutes of writes and restarts; ends with 1 when an event was lost or a resource version went back. */
import { readArguments } from './local/arguments.ts';
import { soak } from './soak/soak.ts';

const options = readArguments('npm run soak -- [options]', {
  minutes: { type: 'string', default: '10', help: 'how long it writes (10)' },
  'restart-every': {
    type: 'string',
    default: '20',
    help: 'seconds between two restarts, in turn a stop and a kill -9 (20)',
  },
});
const positive = (name: 'minutes' | 'restart-every'): number => {
  const value = Number(options[name]);
  if (value > 0 && value < 1e6) return value;
  console.error(`--${name} ${options[name]}: give a number above 0`);
  process.exit(2);
};

const { missed, backward, ...counts } = await soak({
  ms: positive('minutes') * 60_000,
  restartEveryMs: positive('restart-every') * 1_000,
  writeEveryMs: 10,
  log: (line) => console.error(line),
});
console.log(
  `${counts.written} writes were acknowledged (${counts.cut} more had no answer), ${counts.told} events told; the server was stopped ${counts.stops} times and killed ${counts.kills} times; the informer listed ${counts.lists} times and began its watch again ${counts.reconnects} times`,
);
for (const { verb, name, resourceVersion } of missed) console.log(`missed: ${verb} of ${name} at ${resourceVersion}`);
for (const line of backward) console.log(`went back: ${line}`);
console.log(missed.length + backward.length === 0 ? 'nothing was lost, nothing went back' : 'FAILED');
process.exit(missed.length + backward.length === 0 ? 0 : 1);
