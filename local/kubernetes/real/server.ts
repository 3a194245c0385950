/** A real API server in the place of ours: etcd and kube-apiserver of a folder, with the same tokens, certificates and port. */
import { mkdirSync, rmSync } from 'node:fs';
import { Agent, get } from 'node:https';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePorts } from '#local/free-port.ts';
import type { AuthenticateOptions } from '../apiserver/auth/authenticate.ts';
import { Tether } from '../kubelet/tether.ts';
import type { Assets } from './assets.ts';
import { type Component, startComponent } from './component.ts';
import { writeFiles } from './files.ts';
import { apiServerFlags, etcdFlags } from './flags.ts';

export interface RealApiServerOptions extends AuthenticateOptions {
  assets: Assets;
  /** State of etcd, tokens and logs; resumed when there. */
  dir: string;
  /** Certificates and keys: the folder of an embedded API server. */
  pkiDir: string;
  /** Certificates towards the kubelet. */
  kubeletDir: string;
  /** undefined: any free one. */
  port?: number;
}

export interface RealApiServer {
  url: string;
  caPem: string;
  /** Resolves with the reason when one of the two has ended unasked. */
  lost: Promise<string>;
  /** Ends the API server, then etcd. */
  stop(): Promise<void>;
}

/** 3–5 s on a quiet machine. */
const READY_MS = 90_000;
const STOP_API_SERVER_MS = 3_000;
const STOP_ETCD_MS = 2_000;

/** Whether the server says it is ready; false while it does not answer. */
const isReady = (url: string, agent: Agent, token: string): Promise<boolean> =>
  new Promise((resolve) => {
    const headers = { authorization: `Bearer ${token}` };
    const asked = get(`${url}/readyz`, { agent, headers, timeout: 2_000 }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    asked.on('timeout', () => asked.destroy()).on('error', () => resolve(false));
  });

/** Starts both; resolves when `/readyz` says ok. Rejects with what they said last, and leaves no process. */
export async function startRealApiServer(options: RealApiServerOptions): Promise<RealApiServer> {
  const { assets, dir, adminToken } = options;
  const dataDir = join(dir, 'etcd');
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const { files, caPem } = await writeFiles(dir, options, options);
  const [client = 0, peer = 0, free = 0] = await freePorts(3);
  const secure = options.port ?? free;
  const url = `https://127.0.0.1:${secure}`;

  const tether = new Tether(join(dir, 'pids'));
  const components: Component[] = [];
  let stopped: Promise<void> | undefined;
  const end = async () => {
    await components[1]?.stop(STOP_API_SERVER_MS);
    await components[0]?.stop(STOP_ETCD_MS);
    await tether.stop();
  };
  const stop = () => (stopped ??= end());
  const start = (name: string, command: string[]): Component => {
    const log = join(dir, `${name}.log`);
    // Of this start alone: it would grow without end.
    rmSync(log, { force: true });
    const component = startComponent(tether, { name, command, cwd: dir, log });
    components.push(component);
    return component;
  };

  const etcd = start('etcd', [assets.etcd, ...etcdFlags(dataDir, { client, peer })]);
  const apiServer = start('kube-apiserver', [assets.apiServer, ...apiServerFlags(files, { secure, etcd: client })]);
  const lost = Promise.race([etcd.ended, apiServer.ended]);
  const agent = new Agent({ keepAlive: true, ca: caPem });
  let ended: string | undefined;
  void lost.then((why) => {
    ended = why;
  });
  try {
    for (const until = Date.now() + READY_MS; !(await isReady(url, agent, adminToken)); await sleep(50)) {
      if (ended !== undefined) throw new Error(ended);
      if (Date.now() > until)
        throw new Error(
          `${assets.apiServer} was not ready after ${READY_MS / 1000} s; ${join(dir, 'kube-apiserver.log')} says why`,
        );
    }
  } catch (error) {
    await stop();
    throw error;
  } finally {
    agent.destroy();
  }
  return { url, caPem, lost, stop };
}
