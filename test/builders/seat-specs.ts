/** Specs of seats for tests: one of each id, and any that the contract takes. */
import fc from 'fast-check';
import { type DesiredSeat, SeatSpec } from '#core/contract/seat.ts';

export const SEAT_ID = `wsp_${'0'.repeat(25)}1`;
export const TEAM_ID = `team_${'0'.repeat(25)}2`;
export const OWNER_ID = `acc_${'0'.repeat(25)}3`;

/** What must be said of a seat; the rest is the contract's defaults. */
export const specOf = (more: Partial<SeatSpec> = {}): SeatSpec =>
  SeatSpec.parse({
    origin: 'ControlPlane',
    id: SEAT_ID,
    revision: 1,
    owner: OWNER_ID,
    runState: 'Running',
    template: { name: 'node', version: '1' },
    image: `ghcr.io/roadstead/node@sha256:${'a'.repeat(64)}`,
    volumes: [{ name: 'home', size: '10Gi', mounts: [{ mountPath: '/home/node', subPath: 'home' }] }],
    ...more,
  });

export const seatOf = (more: Partial<SeatSpec> = {}, seat: Partial<DesiredSeat> = {}): DesiredSeat => ({
  id: SEAT_ID,
  name: 'ada',
  team: TEAM_ID,
  spec: specOf(more),
  ...seat,
});

const cpu = fc.constantFrom('250m', '500m', '1', '1.5', '2');
const memory = fc.constantFrom('512Mi', '1Gi', '2.5Gi', '4G', '8e9');
const amounts = fc.record({ cpu, memory });
const folder = fc.stringMatching(/^[A-Za-z0-9_-][A-Za-z0-9._-]{0,20}$/);
const mountPath = fc
  .tuple(
    fc.constantFrom('/workspace', '/commandhistory', '/home/node', '/data'),
    fc.array(fc.stringMatching(/^[A-Za-z0-9_-][A-Za-z0-9._-]{0,9}$/), { maxLength: 2 }),
  )
  .map((parts) => parts.flat().join('/'));
const repository = fc.constantFrom(
  'https://github.com/roadstead/demo.git',
  'ssh://git@example.com:2222/a/b',
  'git@github.com:roadstead/demo.git',
);
const some = <T>(shape: { [K in keyof T]: fc.Arbitrary<T[K]> }) => fc.record(shape, { requiredKeys: [] });

const volumes = fc
  .uniqueArray(fc.stringMatching(/^[a-z]([a-z0-9-]{0,12}[a-z0-9])?$/), { minLength: 1, maxLength: 4 })
  .chain((names) =>
    fc.uniqueArray(mountPath, { minLength: names.length, maxLength: names.length * 3 }).chain((paths) =>
      fc.tuple(
        ...names.map((name, at) =>
          fc.record({
            name: fc.constant(name),
            size: fc.constantFrom('1Gi', '10Gi', '1.5Ti', '2Ti', '5G'),
            mounts: fc.tuple(
              ...paths
                .filter((_, index) => index % names.length === at)
                .map((path) =>
                  fc.record({ mountPath: fc.constant(path), subPath: folder }, { requiredKeys: ['mountPath'] }),
                ),
            ),
          }),
        ),
      ),
    ),
  );

const secrets = fc.uniqueArray(
  fc.record({
    name: fc.stringMatching(/^[A-Z_][A-Z0-9_]{0,30}$/),
    version: fc.integer({ min: 1, max: 1e9 }),
    as: fc.constantFrom('File', 'Env'),
  }),
  { selector: ({ name }) => name, maxLength: 5 },
);

const plain = fc.record(
  {
    owner: fc.stringMatching(/^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/),
    group: fc.string({ maxLength: 64 }),
    runState: fc.constantFrom('Running', 'Stopped'),
    restarts: fc.nat(),
    idleTimeoutSeconds: fc.integer({ min: 0, max: 604_800 }),
    template: fc.record({ name: fc.string({ maxLength: 63 }), version: fc.string({ maxLength: 63 }) }),
    image: fc.stringMatching(/^[a-z0-9.:/_-]{1,80}(@sha256:[0-9a-f]{64})?$/),
    profile: fc.string({ maxLength: 63 }),
    resources: fc
      .record({ requests: amounts, limits: amounts, gpus: fc.integer({ min: 0, max: 8 }) })
      .filter((value) => SeatSpec.shape.resources.safeParse(value).success),
    volumes,
    parameters: fc.dictionary(fc.stringMatching(/^[A-Za-z][A-Za-z0-9_]{0,20}$/), fc.string({ maxLength: 60 })),
    secrets,
    git: some({
      name: fc.string({ maxLength: 60 }),
      email: fc.constantFrom('ada@example.com', 'a+b@c'),
      repository,
      branch: fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9._/-]{0,40}$/),
      dotfiles: repository,
    }),
  },
  { requiredKeys: ['owner', 'runState', 'template', 'image', 'volumes'] },
);
const origin = fc.oneof(
  fc.record({
    origin: fc.constant('ControlPlane'),
    id: fc.stringMatching(/^wsp_[0-9a-z]{26}$/),
    revision: fc.integer({ min: 1, max: 2 ** 31 }),
  }),
  fc.constant({ origin: 'Cluster' }),
);

/** Any spec that the contract takes, as it reads it. */
export const anySpec: fc.Arbitrary<SeatSpec> = fc
  .tuple(origin, plain)
  .map(([one, other]) => SeatSpec.safeParse({ ...one, ...other }))
  .filter((parsed) => parsed.success)
  .map((parsed) => parsed.data as SeatSpec);
