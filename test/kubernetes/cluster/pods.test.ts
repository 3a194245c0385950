import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  configMaps,
  deployments,
  pods,
  replicaSets,
  secrets,
} from '#local/kubernetes/controllers/machinery/resources.ts';
import type { Pod } from '#local/kubernetes/controllers/machinery/types.ts';
import { app, deploymentOf, startTestCluster } from './harness.ts';

let cluster: Awaited<ReturnType<typeof startTestCluster>>;
beforeAll(async () => {
  cluster = await startTestCluster('127.71');
  await cluster.node('n1');
});
afterAll(() => cluster?.stop());

const main = (pod: Pod | undefined) => pod?.status?.containerStatuses?.[0];
const answer = async (pod: Pod) =>
  JSON.parse(await cluster.ask(pod, '/')) as { env: Record<string, string>; args: string[] };

describe('a Deployment', () => {
  test('runs its pod, goes to 0 and comes back', async () => {
    const made = await cluster.create(deployments, deploymentOf('scale', app()));
    const first = await cluster.ready('scale');
    expect((await answer(first)).env).toMatchObject({ POD_IP: first.status?.podIP, HOSTNAME: first.metadata.name });
    const available = async () => (await cluster.client.get(deployments, cluster.ns, 'scale')).status;
    await cluster
      .eventually(available)
      .toMatchObject({ replicas: 1, readyReplicas: 1, availableReplicas: 1, updatedReplicas: 1 });

    await cluster.client.patch(deployments, made, { spec: { replicas: 0 } });
    await cluster
      .eventually(
        async () => (await cluster.client.list(pods, cluster.ns, { labelSelector: 'app=scale' })).items.length,
      )
      .toBe(0);
    await expect(cluster.ask(first, '/')).rejects.toThrow();

    await cluster.client.patch(deployments, made, { spec: { replicas: 1 } });
    const second = await cluster.ready('scale');
    expect(second.metadata.uid).not.toBe(first.metadata.uid);
    const conditions = async () =>
      (await available())?.conditions?.map(({ type, status, reason }) => `${type}=${status} ${reason}`);
    await cluster
      .eventually(conditions)
      .toEqual(['Available=True MinimumReplicasAvailable', 'Progressing=True NewReplicaSetAvailable']);
  });

  test('rolls a new template out without a moment unavailable, and knows its revisions', async () => {
    const made = await cluster.create(
      deployments,
      deploymentOf('roll', app({ env: [{ name: 'GREETING', value: 'one' }] })),
    );
    const old = await cluster.ready('roll');
    const next = deploymentOf('roll', app({ env: [{ name: 'GREETING', value: 'two' }] }));
    await cluster.client.patch(deployments, made, { spec: { template: next.spec.template } });
    const gone = async () => (await cluster.podsOf('roll')).some(({ metadata }) => metadata.uid === old.metadata.uid);
    while (!(await gone().then((there) => !there))) {
      const serving = (await cluster.client.get(deployments, cluster.ns, 'roll')).status?.availableReplicas ?? 0;
      expect(serving).toBeGreaterThanOrEqual(1);
    }
    const fresh = await cluster.ready('roll');
    expect((await answer(fresh)).env.GREETING).toBe('two');
    const sets = (await cluster.client.list(replicaSets, cluster.ns, { labelSelector: 'app=roll' })).items;
    const sizes = Object.fromEntries(
      sets.map((set) => [set.metadata.annotations?.['deployment.kubernetes.io/revision'], set.spec.replicas]),
    );
    expect(sizes).toEqual({ 1: 0, 2: 1 });
  });

  test('that recreates ends the old pod before the new one starts', async () => {
    const made = await cluster.create(
      deployments,
      deploymentOf('again', app({ env: [{ name: 'V', value: '1' }] }), { strategy: { type: 'Recreate' } }),
    );
    const old = await cluster.ready('again');
    const template = deploymentOf('again', app({ env: [{ name: 'V', value: '2' }] })).spec.template;
    await cluster.client.patch(deployments, made, { spec: { template } });
    let most = 0;
    await cluster
      .eventually(async () => {
        const all = (await cluster.client.list(pods, cluster.ns, { labelSelector: 'app=again' })).items;
        most = Math.max(most, all.length);
        return all.length === 1 && all[0]?.metadata.uid !== old.metadata.uid && main(all[0])?.ready;
      })
      .toBe(true);
    expect(most).toBe(1);
  });
});

describe('a container', () => {
  test('that crashes is restarted with back-off, and its last words are kept', async () => {
    await cluster.create(pods, {
      metadata: { name: 'crash' },
      spec: { containers: [app({ env: [{ name: 'CRASH', value: '3' }] })] },
    });
    await cluster
      .eventually(async () => main(await cluster.pod('crash'))?.state?.waiting?.reason)
      .toBe('CrashLoopBackOff');
    await cluster.eventually(async () => main(await cluster.pod('crash'))?.restartCount).toBeGreaterThanOrEqual(2);
    const status = main(await cluster.pod('crash'));
    expect(status?.lastState?.terminated).toMatchObject({ exitCode: 3, reason: 'Error' });
    expect((await cluster.pod('crash'))?.status?.phase).toBe('Running');
    expect(await cluster.log('crash', { previous: 'true' })).toContain('crashing');
    await cluster.eventually(() => cluster.reasons('crash')).toContain('BackOff');
  });

  test('that ends well is Completed, and so is its pod', async () => {
    const spec = {
      restartPolicy: 'Never',
      containers: [{ name: 'main', image: 'registry.test/app', command: ['sh', '-c', 'echo done'] }],
    };
    await cluster.create(pods, { metadata: { name: 'job' }, spec });
    await cluster.eventually(async () => (await cluster.pod('job'))?.status?.phase).toBe('Succeeded');
    expect(main(await cluster.pod('job'))?.state?.terminated).toMatchObject({ exitCode: 0, reason: 'Completed' });
    expect(await cluster.log('job')).toBe('done\n');
  });

  test('is Ready only when its readiness probe says so, and restarted when its liveness probe fails', async () => {
    const probe = { periodSeconds: 1, failureThreshold: 1 };
    const container = app({
      readinessProbe: { httpGet: { path: '/ready', port: 8080 }, ...probe },
      livenessProbe: { httpGet: { path: '/alive', port: 8080 }, initialDelaySeconds: 1, ...probe },
    });
    await cluster.create(pods, {
      metadata: { name: 'probed', labels: { app: 'probed' } },
      spec: { containers: [container] },
    });
    await cluster.eventually(() => cluster.reasons('probed')).toContain('Unhealthy');
    const pod = (await cluster.pod('probed')) as Pod;
    expect(main(pod)).toMatchObject({ ready: false, started: true });
    await cluster.ask(pod, '/flag?name=ready');
    await cluster.ready('probed');
    await cluster.ask(pod, '/flag?name=sick');
    await cluster.eventually(async () => main(await cluster.pod('probed'))?.restartCount).toBeGreaterThanOrEqual(1);
    expect(await cluster.reasons('probed')).toContain('Killing');
  });

  test('is asked to end, has its grace, and its pod is gone afterwards', async () => {
    await cluster.create(pods, {
      metadata: { name: 'ending', labels: { app: 'ending' } },
      spec: { containers: [app()] },
    });
    const pod = await cluster.ready('ending');
    const following = cluster.log('ending', { follow: 'true' });
    await cluster.client.delete(pods, pod);
    expect(await following).toMatch(/listening\nbye\n$/);
    await cluster.eventually(() => cluster.pod('ending')).toBeUndefined();
  });

  test('counts as started when its startup probe says so, and is told before it ends', async () => {
    const container = app({
      startupProbe: { exec: { command: ['sh', '-c', 'test -f $HOME/up'] }, periodSeconds: 1, failureThreshold: 30 },
      lifecycle: { preStop: { httpGet: { path: '/say?text=leaving', port: 8080 } } },
    });
    const made = await cluster.create(pods, {
      metadata: { name: 'slow', labels: { app: 'slow' } },
      spec: { containers: [container] },
    });
    await cluster.eventually(async () => main(await cluster.pod('slow'))?.state?.running).toBeDefined();
    expect(main(await cluster.pod('slow'))).toMatchObject({ started: false, ready: false });
    await cluster.eventually(() => cluster.log('slow')).toContain('listening');
    await cluster.ask((await cluster.pod('slow')) as Pod, '/flag?name=up');
    await cluster.ready('slow');
    const following = cluster.log('slow', { follow: 'true' });
    await cluster.client.delete(pods, made);
    expect(await following).toMatch(/listening\nleaving\nbye\n$/);
  });

  test('of an image that is not run here is marked as simulated', async () => {
    await cluster.create(pods, {
      metadata: { name: 'other', labels: { app: 'other' } },
      spec: { containers: [{ name: 'nginx', image: 'nginx:1.29' }] },
    });
    const pod = await cluster.ready('other');
    expect(main(pod)?.state?.running).toBeDefined();
    await cluster.eventually(() => cluster.reasons('other')).toContain('Simulated');
    expect(await cluster.log('other')).toContain('is simulated');
  });

  test('of an image that is no image waits with the reason', async () => {
    await cluster.create(pods, {
      metadata: { name: 'misnamed' },
      spec: { containers: [{ name: 'main', image: 'Not/An/Image' }] },
    });
    await cluster
      .eventually(async () => main(await cluster.pod('misnamed'))?.state?.waiting?.reason)
      .toBe('InvalidImageName');
  });
});

describe('what a container is given', () => {
  test('secrets, config maps and the token are files, and paths in its environment lead there', async () => {
    await cluster.create(secrets, {
      metadata: { name: 'keys' },
      data: { token: Buffer.from('s3cret').toString('base64') },
    });
    await cluster.create(configMaps, { metadata: { name: 'settings' }, data: { colour: 'blue' } });
    const account = '/var/run/secrets/kubernetes.io/serviceaccount';
    const container = app({
      args: ['/etc/keys/token'],
      env: [
        { name: 'KEY_FILE', value: '/etc/keys/token' },
        { name: 'SETTINGS', value: '/etc/settings' },
        { name: 'ACCOUNT', value: account },
        { name: 'TOKEN', valueFrom: { secretKeyRef: { name: 'keys', key: 'token' } } },
      ],
      volumeMounts: [
        { name: 'keys', mountPath: '/etc/keys' },
        { name: 'settings', mountPath: '/etc/settings' },
      ],
    });
    const volumes = [
      { name: 'keys', secret: { secretName: 'keys' } },
      { name: 'settings', configMap: { name: 'settings' } },
    ];
    await cluster.create(pods, {
      metadata: { name: 'given', labels: { app: 'given' } },
      spec: { containers: [container], volumes },
    });
    const pod = await cluster.ready('given');
    const { env, args } = await answer(pod);
    const file = (path: string) => cluster.ask(pod, `/file?path=${encodeURIComponent(path)}`);
    expect(env.TOKEN).toBe('s3cret');
    expect(args).toEqual([env.KEY_FILE]);
    expect(await file(env.KEY_FILE ?? '')).toBe('s3cret');
    expect(await file(`${env.SETTINGS}/colour`)).toBe('blue');
    expect(await file(`${env.ACCOUNT}/namespace`)).toBe('default');
    expect(await file(`${env.ACCOUNT}/ca.crt`)).toBe(cluster.parts.caPem);
    expect(env.KUBERNETES_SERVICE_PORT).toBe(new URL(cluster.parts.server).port);

    // A changed secret reaches the file.
    await cluster.client.patch(
      secrets,
      { metadata: { ...pod.metadata, name: 'keys' } },
      { data: { token: Buffer.from('newer').toString('base64') } },
    );
    await cluster.eventually(() => file(env.KEY_FILE ?? '')).toBe('newer');

    // The token is that of the pod's account.
    const token = await file(`${env.ACCOUNT}/token`);
    const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as { sub: string };
    expect(claims.sub).toBe('system:serviceaccount:default:default');
  });

  test('projected volumes show tokens for an audience and what the pod itself says', async () => {
    const sources = [
      { serviceAccountToken: { path: 'vault/token', audience: 'vault', expirationSeconds: 600 } },
      { downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }] } },
    ];
    const container = app({
      env: [{ name: 'DIR', value: '/var/own' }],
      volumeMounts: [{ name: 'own', mountPath: '/var/own' }],
    });
    const volumes = [{ name: 'own', projected: { sources } }];
    const metadata = { name: 'projected', labels: { app: 'projected' } };
    await cluster.create(pods, { metadata, spec: { containers: [container], volumes } });
    const pod = await cluster.ready('projected');
    const { env } = await answer(pod);
    expect(await cluster.ask(pod, `/file?path=${env.DIR}/labels`)).toBe('app="projected"');
    const token = await cluster.ask(pod, `/file?path=${env.DIR}/vault/token`);
    expect(token.split('.')).toHaveLength(3);
  });

  test('nothing of the environment of the process that runs the cluster', async () => {
    process.env.AWS_SECRET_ACCESS_KEY = 'test-only';
    await cluster.create(pods, {
      metadata: { name: 'clean', labels: { app: 'clean' } },
      spec: { containers: [app()] },
    });
    const { env } = await answer(await cluster.ready('clean'));
    delete process.env.AWS_SECRET_ACCESS_KEY;
    expect(Object.keys(env).sort()).toEqual([
      'HOME',
      'HOSTNAME',
      'KUBERNETES_SERVICE_HOST',
      'KUBERNETES_SERVICE_PORT',
      'KUBERNETES_SERVICE_PORT_HTTPS',
      'PATH',
      'POD_IP',
      'TMPDIR',
    ]);
  });

  test('two pods may use the same port', async () => {
    await cluster.create(deployments, deploymentOf('twins', app(), { replicas: 2 }));
    await cluster
      .eventually(async () => (await cluster.podsOf('twins')).filter((pod) => main(pod)?.ready).length)
      .toBe(2);
    const ips = (await cluster.podsOf('twins')).map(({ status }) => status?.podIP);
    expect(new Set(ips).size).toBe(2);
  });

  test('a missing secret keeps it waiting, and it starts once the secret is there', async () => {
    const container = app({ env: [{ name: 'LATE', valueFrom: { secretKeyRef: { name: 'late', key: 'a' } } }] });
    await cluster.create(pods, {
      metadata: { name: 'late', labels: { app: 'late' } },
      spec: { containers: [container] },
    });
    const waiting = async () => main(await cluster.pod('late'))?.state?.waiting;
    await cluster
      .eventually(waiting)
      .toEqual({ reason: 'CreateContainerConfigError', message: 'secret "late" not found' });
    await cluster.create(secrets, { metadata: { name: 'late' }, stringData: { a: 'b' } });
    expect((await answer(await cluster.ready('late'))).env.LATE).toBe('b');
  });
});

test('init containers run one after the other before the others', async () => {
  const step = (name: string) => ({
    name,
    image: 'registry.test/app',
    command: ['sh', '-c', `echo ${name} >> /work/steps`.replace('/work', '$WORK')],
    env: [{ name: 'WORK', value: '/work' }],
    volumeMounts: [{ name: 'work', mountPath: '/work' }],
  });
  const container = app({
    env: [{ name: 'WORK', value: '/work' }],
    volumeMounts: [{ name: 'work', mountPath: '/work' }],
  });
  const spec = {
    initContainers: [step('one'), step('two')],
    containers: [container],
    volumes: [{ name: 'work', emptyDir: {} }],
  };
  await cluster.create(pods, { metadata: { name: 'steps', labels: { app: 'steps' } }, spec });
  const pod = await cluster.ready('steps');
  const { env } = await answer(pod);
  expect(await cluster.ask(pod, `/file?path=${env.WORK}/steps`)).toBe('one\ntwo\n');
});
