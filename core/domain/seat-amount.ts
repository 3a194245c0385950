/** Amounts of compute and storage: what a seat takes, sums, and what is missing in words. */
import { quantity } from '../contract/quantity.ts';
import type { SeatSpec } from '../contract/seat.ts';
import type { Amount } from './decision.ts';

export const NO_AMOUNT: Amount = { cpuMillis: 0, memoryMiB: 0, gpus: 0, pods: 0 };

const RESOURCES = ['cpuMillis', 'memoryMiB', 'gpus', 'pods'] as const satisfies readonly (keyof Amount)[];

const MIB = 2 ** 20;
const GIB = 2 ** 30;
/** Rounded up, after what binary fractions add. */
const up = (number: number): number => Math.ceil(number - 1e-6);

/** What the pod of these resources is reserved: its requests, its GPUs, one pod. */
export const amountOf = ({ requests, gpus }: SeatSpec['resources']): Amount => ({
  cpuMillis: up(quantity(requests.cpu) * 1000),
  memoryMiB: up(quantity(requests.memory) / MIB),
  gpus,
  pods: 1,
});

/** GiB of all volumes, each rounded up. */
export const storageOf = (volumes: SeatSpec['volumes']): number =>
  volumes.reduce((sum, { size }) => sum + up(quantity(size) / GIB), 0);

const combine = (one: Amount, other: Amount, by: (a: number, b: number) => number): Amount => ({
  cpuMillis: by(one.cpuMillis, other.cpuMillis),
  memoryMiB: by(one.memoryMiB, other.memoryMiB),
  gpus: by(one.gpus, other.gpus),
  pods: by(one.pods, other.pods),
});
export const plusAmount = (one: Amount, other: Amount): Amount => combine(one, other, (a, b) => a + b);
export const minusAmount = (one: Amount, other: Amount): Amount => combine(one, other, (a, b) => a - b);
export const isNoAmount = (amount: Amount): boolean => RESOURCES.every((name) => amount[name] === 0);

const WORDS: Readonly<Record<keyof Amount, (number: number) => string>> = {
  cpuMillis: (number) => `${number / 1000} CPU`,
  memoryMiB: (number) => `${number} MiB of memory`,
  gpus: (number) => `${number} GPU${number === 1 ? '' : 's'}`,
  pods: (number) => `${number} pod${number === 1 ? '' : 's'}`,
};

/** `1.5 CPU, 2048 MiB of memory`: what is not zero. */
export const amountText = (amount: Amount): string =>
  RESOURCES.filter((name) => amount[name] !== 0)
    .map((name) => WORDS[name](amount[name]))
    .join(', ');

/** What `wanted` lacks when `taken` of `capacity` are in use: a phrase a resource, empty when it fits. */
export const missingIn = (capacity: Amount, taken: Amount, wanted: Amount): string[] => {
  const missing: string[] = [];
  for (const name of RESOURCES) {
    const free = Math.max(0, capacity[name] - taken[name]);
    if (wanted[name] > 0 && wanted[name] > free)
      missing.push(`${WORDS[name](wanted[name] - free)} (${WORDS[name](free)} free)`);
  }
  return missing;
};
