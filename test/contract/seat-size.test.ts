import { expect, it } from 'vitest';
import { SeatSpec } from '#core/contract/seat.ts';
import { MESSAGE_LIMIT } from '#core/contract/socket.ts';
import { seatSpec } from '#test/builders/seats.ts';

const times = <T>(count: number, make: (n: number) => T): T[] => Array.from({ length: count }, (_, n) => make(n));
const long = (length: number, start = 'a') => start.padEnd(length, 'x');
const parameters = (bytes: number) => ({
  ...Object.fromEntries(times(8, (n) => [`p${n}`, long(2000)])),
  rest: long(bytes),
});

/** As much of everything as the contract takes. */
const largest = (given: Partial<SeatSpec> = {}) =>
  seatSpec({
    owner: long(63),
    group: long(64),
    id: `wsp_${'0'.repeat(26)}`,
    revision: Number.MAX_SAFE_INTEGER,
    template: { name: long(63), version: long(63) },
    image: `${long(150)}@sha256:${'0'.repeat(64)}`,
    profile: long(63),
    volumes: times(4, (v) => ({
      name: long(15, `v${v}`),
      size: '2048Gi',
      mounts: times(4, (m) => ({ mountPath: `/data/${long(120, `v${v}m${m}`)}`, subPath: long(64) })),
    })),
    secrets: times(32, (n) => ({
      name: long(64, `S${n}_`).toUpperCase(),
      version: 1_000_000,
      holder: 'Owner' as const,
      as: 'Env' as const,
    })),
    git: {
      name: '試'.repeat(128),
      email: `${long(240)}@example.com`,
      repository: `https://example.com/${long(490)}`,
      branch: long(255),
      dotfiles: `https://example.com/${long(490)}`,
    },
    parameters: parameters(200),
    ...given,
  });

it('the largest dev pod that is taken is one message to its agent', () => {
  const { data, error } = SeatSpec.safeParse(largest());
  expect(error?.issues).toBeUndefined();
  const seats = [{ id: `wsp_${'0'.repeat(26)}`, name: long(63), team: `team_${'0'.repeat(26)}`, spec: data }];
  const message = JSON.stringify({ v: 1, id: long(64), re: long(64), type: 'seats', payload: { seats } });
  expect(Buffer.byteLength(message)).toBeLessThan(MESSAGE_LIMIT);
});

it('parameters that are larger together are refused, and what they may take is said', () => {
  const { error } = SeatSpec.safeParse(largest({ parameters: parameters(500) }));
  expect(error?.issues).toMatchObject([{ path: ['parameters'], message: expect.stringContaining('16384 bytes') }]);
});
