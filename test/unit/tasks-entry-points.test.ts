import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { environments } from '#functions/lib/env.ts';

const tasks = Object.keys(environments).filter((name) => name.startsWith('tasks/'));

/** What the template gives: every variable that any task asks for. */
const VARIABLES = {
  TABLE: 'table',
  DEPLOYMENT_ID: 'dep-1',
  LOG_LEVEL: 'ERROR',
  AWS_REGION: 'eu-west-1',
  CLUSTER_ACCESS_ROLE_ARN: 'arn:aws:iam::1:role/access',
  CLUSTER_ROLE_ARN: 'arn:aws:iam::1:role/cluster',
  NODE_ROLE_ARN: 'arn:aws:iam::1:role/node',
  MANAGED_NODE_ROLE_ARN: 'arn:aws:iam::1:role/node',
  VOLUME_DRIVER_ROLE_ARN: 'arn:aws:iam::1:role/volumes',
  SUBNET_IDS: 'subnet-a,subnet-b',
  VIEWER_ROLE_ARN: 'arn:aws:iam::1:role/viewer',
  EDITOR_ROLE_ARN: 'arn:aws:iam::1:role/editor',
  ADMIN_ROLE_ARN: 'arn:aws:iam::1:role/admin',
  CREATE_STATE_MACHINE_ARN: 'arn:aws:states:eu-west-1:1:stateMachine:create',
  DELETE_STATE_MACHINE_ARN: 'arn:aws:states:eu-west-1:1:stateMachine:delete',
  START_SEAT_STATE_MACHINE_ARN: 'arn:aws:states:eu-west-1:1:stateMachine:start-seat',
  STOP_SEAT_STATE_MACHINE_ARN: 'arn:aws:states:eu-west-1:1:stateMachine:stop-seat',
  DELETE_SEAT_STATE_MACHINE_ARN: 'arn:aws:states:eu-west-1:1:stateMachine:delete-seat',
  TEAM_WORKSPACE_LIMIT: '50',
  TEAM_CPU_LIMIT: '64',
  TEAM_MEMORY_LIMIT: '256',
  TEAM_STORAGE_LIMIT: '2048',
  SOCKET_URL: 'wss://socket.example',
  API_URL: 'https://api.example',
  AGENT_IMAGE: 'agent@sha256:0',
};

describe('the entry points of tasks', () => {
  beforeAll(() => {
    for (const [name, value] of Object.entries(VARIABLES)) vi.stubEnv(name, value);
  });
  afterAll(() => {
    vi.unstubAllEnvs();
  });

  it.each(tasks)('%s starts with its environment and refuses what is no operation', async (name) => {
    const { handler } = await import(/* @vite-ignore */ new URL(`../../functions/${name}.ts`, import.meta.url).href);
    await expect(handler({})).rejects.toMatchObject({
      name: 'Permanent',
      message: expect.stringContaining('operationId'),
    });
  });
});
