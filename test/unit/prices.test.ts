import { describe, expect, it } from 'vitest';
import { costOfSeat, monthlyCost } from '#core/domain/prices.ts';
import { seatSpec } from '#test/builders/seats.ts';

const eks = (compute: 'auto' | 'managed') =>
  ({ provider: 'eks', workers: { count: 2, size: 'small' }, options: { compute } }) as const;

describe('the price table', () => {
  it('answers the seed’s own sum: ten users on a t3.large each, with 12 GiB of gp3, are $616.96 a month', () => {
    expect(monthlyCost(10, 12)).toBe(616.96);
  });
});

describe('the cost of a seat', () => {
  it('is its share of a node by what it asks for most, and its volumes', () => {
    // 2 of 8 GiB are a quarter of a node of 0.1008; 10 GiB are 0.8 a month.
    expect(costOfSeat(seatSpec(), eks('managed'))).toEqual({
      runningUsdPerHour: 0.026296,
      stoppedUsdPerHour: 0.001096,
    });
    const cpu = { requests: { cpu: '1', memory: '1Gi' }, limits: { cpu: '1', memory: '1Gi' }, gpus: 0 };
    expect(costOfSeat(seatSpec({ resources: cpu }), eks('managed')).runningUsdPerHour).toBe(0.051496);
  });

  it('has Auto Mode’s share on top where nodes come by it', () => {
    expect(costOfSeat(seatSpec(), eks('auto')).runningUsdPerHour).toBe(0.02932);
  });

  it('is reckoned on the reference node where the cluster is not ours or not chosen yet', () => {
    const reference = 0.0832 / 4 + 0.8 / 730;
    expect(costOfSeat(seatSpec(), null).runningUsdPerHour).toBeCloseTo(reference, 6);
    expect(costOfSeat(seatSpec(), { ...eks('auto'), provider: 'existing' })).toEqual(costOfSeat(seatSpec(), null));
  });

  it('is that of its GPUs where it has some, since they take the whole node', () => {
    const small = { requests: { cpu: '1', memory: '1Gi' }, limits: { cpu: '1', memory: '1Gi' } };
    const of = (gpus: number) => {
      const { runningUsdPerHour, stoppedUsdPerHour } = costOfSeat(
        seatSpec({ resources: { ...small, gpus } }),
        eks('auto'),
      );
      return runningUsdPerHour - stoppedUsdPerHour;
    };
    expect(of(1)).toBeCloseTo(0.526, 6);
    expect(of(2)).toBeCloseTo(1.052, 6);
  });

  it('accrues compute while it runs, and volumes while it is there', () => {
    const cost = costOfSeat(seatSpec(), eks('managed'), { existedSeconds: 10 * 3600, runningSeconds: 2 * 3600 });
    expect(cost).toMatchObject({ accruedUsd: 0.061359, runningSeconds: 7200 });
  });
});
