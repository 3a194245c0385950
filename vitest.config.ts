import { defineConfig } from 'vitest/config';

/**
 * One project a kind of test (DESIGN §3); each file owns its ports, state folder and clusters. Files that run one after the other share what they
 * import: no module may keep what is one test's.
 */
const project = (name: string, include: string[], test: Record<string, unknown> = {}) => ({
  test: { name, include, testTimeout: 20_000, hookTimeout: 60_000, isolate: false, ...test },
});

/** For projects whose tests write to a table. */
const DYNAMODB = 'test/dynamodb.ts';
/** For projects that start the product. */
const SYNTHESIZED = 'test/e2e/support/synthesized.ts';

export default defineConfig({
  test: {
    globalSetup: ['test/temporary.ts'],
    // Most files wait for a JVM, a timer or a socket, end-to-end tests above all: two cores are full with four at a time.
    maxWorkers: 4,
    projects: [
      project('unit', ['test/unit/**/*.test.ts', 'test/property/**/*.test.ts', 'test/contract/**/*.test.ts']),
      project('agent', ['test/agent/**/*.test.ts']),
      project('kubernetes', ['test/kubernetes/**/*.test.ts'], { testTimeout: 60_000 }),
      project('local', ['test/local/**/*.test.ts'], { testTimeout: 60_000 }),
      project('store', ['test/store/**/*.test.ts'], { testTimeout: 60_000, globalSetup: [DYNAMODB] }),
      project('workflow', ['test/workflow/**/*.test.ts'], { testTimeout: 60_000, globalSetup: [DYNAMODB] }),
      // kubectl's lists take a process each: `npm run test:conformance` runs them, `npm test` the scripted requests alone.
      project('conformance', [`test/conformance/${process.env.CONFORMANCE === 'all' ? '*' : 'replay'}.test.ts`], {
        testTimeout: 240_000,
        hookTimeout: 240_000,
      }),
      project('infra', ['test/infra/**/*.test.ts'], { testTimeout: 120_000 }),
      // Minutes, with every kubectl of the machine: `npm run test:kubectl`.
      ...(process.env.KUBECTL_MATRIX
        ? [
            project('kubectl', ['test/kubectl/**/*.test.ts', 'test/e2e/kubectl.test.ts'], {
              globalSetup: [SYNTHESIZED, DYNAMODB],
              testTimeout: 240_000,
              hookTimeout: 240_000,
            }),
          ]
        : []),
      project('e2e', ['test/e2e/**/*.test.ts'], {
        // The whole product runs inside the test's process: a file has one of its own.
        isolate: true,
        testTimeout: 240_000,
        hookTimeout: 240_000,
        globalSetup: [SYNTHESIZED, DYNAMODB],
      }),
    ],
    coverage: {
      provider: 'v8',
      include: ['core/**/*.ts', 'functions/**/*.ts', 'infra/**/*.ts', 'agent/**/*.ts', 'local/**/*.ts'],
      // What runs as a process of its own (a cluster, a worker, a tether, the agent) is tested as one, where nothing counts its lines.
      exclude: ['**/*-main.ts', 'agent/main.ts', 'local/lambda/worker.ts', 'infra/app.ts'],
      reporter: ['text-summary', 'json-summary'],
      thresholds: {
        lines: 90,
        'core/domain/**': { lines: 95 },
        'functions/tasks/**': { lines: 95 },
        // What reconciles.
        'agent/seats/**': { lines: 95 },
      },
    },
  },
});
