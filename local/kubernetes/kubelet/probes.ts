/** Probes: asks a running container whether it has started, is alive and is ready, with the counting rules of the kubelet. */

import { request as httpsRequest } from 'node:https';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { httpRequest } from '#local/kubernetes/http.ts';
import type { Container, Probe } from '../controllers/machinery/types.ts';

export interface Answer {
  ok: boolean;
  /** Why not. */
  message: string;
}

export interface ProbeTarget {
  podIP: string;
  container: Container;
  /** Runs a command in the container's environment. */
  exec(command: string[], timeoutMs: number): Promise<{ code: number; output: string }>;
}

/** Until a container answers for the first time it is asked this often within its first period: a start must not cost a whole period here. */
const EAGER_MS = 250;

const portOf = (container: Container, port: number | string): number =>
  typeof port === 'number' ? port : (container.ports?.find(({ name }) => name === port)?.containerPort ?? Number(port));

function tcp(host: string, port: number, timeoutMs: number): Promise<Answer> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: timeoutMs });
    const end = (ok: boolean, message: string) => {
      socket.destroy();
      resolve({ ok, message });
    };
    socket.on('connect', () => end(true, ''));
    socket.on('timeout', () => end(false, `dial tcp ${host}:${port}: i/o timeout`));
    socket.on('error', (error) => end(false, `dial tcp ${host}:${port}: ${error.message}`));
  });
}

function http(target: ProbeTarget, get: NonNullable<Probe['httpGet']>, timeoutMs: number): Promise<Answer> {
  const host = get.host || target.podIP;
  const port = portOf(target.container, get.port);
  const secure = get.scheme === 'HTTPS';
  const path = get.path?.startsWith('/') === false ? `/${get.path}` : (get.path ?? '/');
  const url = `${secure ? 'https' : 'http'}://${host}:${port}${path}`;
  const headers = Object.fromEntries((get.httpHeaders ?? []).map(({ name, value }) => [name, value]));
  return new Promise((resolve) => {
    const options = {
      host,
      port,
      path,
      timeout: timeoutMs,
      agent: false,
      headers: { 'user-agent': 'kube-probe/1.35', accept: '*/*', ...headers },
    };
    // A probe asks whether something answers; as in the kubelet, certificates are not checked.
    const request = secure ? httpsRequest({ ...options, rejectUnauthorized: false }) : httpRequest(options);
    const late = setTimeout(() => request.destroy(new Error('context deadline exceeded')), timeoutMs);
    const end = (ok: boolean, message: string) => {
      clearTimeout(late);
      resolve({ ok, message });
    };
    request.on('response', (response) => {
      const status = response.statusCode ?? 0;
      response.resume();
      end(status >= 200 && status < 400, `HTTP probe failed with statuscode: ${status}`);
      request.destroy();
    });
    request.on('error', (error) => end(false, `Get "${url}": ${error.message}`));
    request.end();
  });
}

/** Asks once. */
export async function ask(target: ProbeTarget, probe: Probe): Promise<Answer> {
  const timeoutMs = (probe.timeoutSeconds ?? 1) * 1000;
  if (probe.httpGet) return http(target, probe.httpGet, timeoutMs);
  if (probe.tcpSocket)
    return tcp(probe.tcpSocket.host || target.podIP, portOf(target.container, probe.tcpSocket.port), timeoutMs);
  if (probe.exec) {
    const { code, output } = await target.exec(probe.exec.command ?? [], timeoutMs);
    return { ok: code === 0, message: code === 137 ? `command timed out after ${timeoutMs / 1000}s` : output.trim() };
  }
  return { ok: false, message: 'gRPC probes are not supported by the embedded kubelet' };
}

/**
 * Asks until the signal. `on` is told each change of the verdict (success after `successThreshold`, failure after `failureThreshold` in a row);
 * `failed` each single failure.
 */
export async function runProbe(
  target: ProbeTarget,
  probe: Probe,
  signal: AbortSignal,
  handlers: { on(ok: boolean, message: string): void; failed(message: string): void },
): Promise<void> {
  const pause = (ms: number) => sleep(ms, undefined, { signal }).catch(() => undefined);
  const periodMs = (probe.periodSeconds ?? 10) * 1000;
  await pause((probe.initialDelaySeconds ?? 0) * 1000);
  for (const until = Date.now() + periodMs; !signal.aborted && Date.now() < until; ) {
    if ((await ask(target, probe)).ok) break;
    await pause(Math.min(EAGER_MS, Math.max(0, until - Date.now())));
  }
  let verdict: boolean | undefined;
  let streak = 0;
  let last: boolean | undefined;
  while (!signal.aborted) {
    const { ok, message } = await ask(target, probe);
    if (signal.aborted) return;
    streak = ok === last ? streak + 1 : 1;
    last = ok;
    if (!ok) handlers.failed(message);
    const needed = ok ? (probe.successThreshold ?? 1) : (probe.failureThreshold ?? 3);
    if (streak >= needed && verdict !== ok) {
      verdict = ok;
      handlers.on(ok, message);
    }
    await pause(periodMs);
  }
}
