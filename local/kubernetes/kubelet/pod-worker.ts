/** One pod on a node: its folder, its volumes, its containers in order, its reported status and its end. */
import { mkdir } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Client, isStatus } from '../controllers/machinery/client.ts';
import { timestamp } from '../controllers/machinery/conditions.ts';
import { sameJson } from '../controllers/machinery/equal.ts';
import type { RecordEvent } from '../controllers/machinery/events.ts';
import { pods } from '../controllers/machinery/resources.ts';
import type { Condition, Container, Pod, PodStatus } from '../controllers/machinery/types.ts';
import type { ContainerHost, ContainerRun } from './container.ts';
import { DEADLINE_EXCEEDED, type Deadline, watchDeadline } from './deadline.ts';
import type { Sources } from './environment.ts';
import { type EphemeralContainers, ephemeralContainers } from './ephemeral.ts';
import { type KnownImage, knownImage } from './images.ts';
import { PodAccess } from './pod-access.ts';
import { type PodRuns, podRuns } from './pod-runs.ts';
import { isInitialized, isolationAnnotation, isSidecar, type PodFailure, podStatus } from './pod-status.ts';
import { removeTree } from './remove-tree.ts';
import { resolveContainer } from './resolve.ts';
import type { Backoff } from './restart.ts';
import type { Tether } from './tether.ts';
import { mountVolumes, refreshVolumes, type VolumeLife } from './volume-life.ts';
import { PodVolumes } from './volumes.ts';

export interface PodServices {
  client: Client;
  record: RecordEvent;
  tether: Tether;
  sources: Sources;
  images: Record<string, KnownImage>;
  /** Why containers of dev images are not kept apart from this machine; undefined: they are. */
  isolationFault(): Promise<string | undefined>;
  backoff: Backoff;
  /** How often secrets, config maps and tokens in volumes are looked at again. */
  refreshMs: number;
  log: (line: string) => void;
}

export interface PodPlace {
  /** Folder of this pod. */
  dir: string;
  podIP: string;
  hostIP: string;
}

const RETRY_MS = 500;

export class PodWorker {
  pod: Pod;
  readonly #services: PodServices;
  readonly #place: PodPlace;
  readonly #abort = new AbortController();
  readonly #volumes: PodVolumes;
  readonly #startTime: string;
  #containers: PodRuns = { init: [], main: [] };
  /** There once the volumes are. */
  #ephemeral: EphemeralContainers | undefined;
  #conditions: Condition[];
  #reported: PodStatus | undefined;
  #dirty = false;
  #reporting: Promise<void> | undefined;
  #ending: Promise<void> | undefined;
  #gone = false;
  /** The pod goes, and nothing of it runs any more. */
  #over = false;
  /** Why the kubelet ended it. */
  #failure: PodFailure | undefined;
  readonly #deadline: Deadline;

  /** What clients may reach of this pod. */
  readonly access: PodAccess;

  constructor(services: PodServices, place: PodPlace, pod: Pod) {
    this.access = new PodAccess({
      ...place,
      runs: () => this.#runs,
      gone: () => this.#gone,
    });
    this.#services = services;
    this.#place = place;
    this.pod = pod;
    const started = pod.status?.startTime ? new Date(pod.status.startTime) : new Date();
    this.#startTime = timestamp(started);
    this.#deadline = watchDeadline(started.getTime(), () => void this.#fail(DEADLINE_EXCEEDED));
    this.#conditions = (pod.status?.conditions ?? []) as Condition[];
    this.#volumes = new PodVolumes({
      client: services.client,
      sources: services.sources,
      pod,
      facts: place,
      dir: place.dir,
    });
  }

  start(): void {
    void this.#live().catch((error) =>
      this.#services.log(`pod ${this.pod.metadata.name}: ${(error as Error).message}`),
    );
  }

  /** The object changed: a deletion begins the end, a shorter grace hurries it; another image takes its place. */
  update(pod: Pod): void {
    const isNews = pod.metadata.generation !== this.pod.metadata.generation;
    this.pod = pod;
    const grace =
      pod.metadata.deletionTimestamp === undefined ? undefined : (pod.metadata.deletionGracePeriodSeconds ?? 30);
    if (grace !== undefined) this.#ending ??= this.#terminate(grace * 1000);
    if (this.#abort.signal.aborted) return;
    this.#deadline.follow(pod);
    for (const run of [...this.#containers.init, ...this.#containers.main]) {
      const wanted = this.#allContainers.find(({ name }) => name === run.container.name);
      if (wanted) run.change(wanted);
    }
    this.#ephemeral?.follow(pod);
    // It says of which generation it speaks.
    if (isNews) this.report();
  }

  /** The object is gone, or this kubelet ends: the processes end within `graceMs`. `remove` also removes the folder. */
  async end(graceMs: number, remove: boolean): Promise<void> {
    this.#gone = true;
    this.#deadline.end();
    this.#abort.abort();
    await Promise.all(this.#runs.map((run) => run.stop(graceMs)));
    await this.#reporting;
    if (remove) await removeTree(this.#place.dir).catch(() => undefined);
  }

  #record(type: 'Normal' | 'Warning', reason: string, message: string): void {
    this.#services.record(this.pod, type, reason, message);
  }

  get #runs(): ContainerRun[] {
    return [...this.#containers.main, ...this.#containers.init, ...(this.#ephemeral?.runs ?? [])];
  }

  get #allContainers(): Container[] {
    return [...(this.pod.spec.initContainers ?? []), ...this.pod.spec.containers];
  }

  #isReal = (container: Container): boolean =>
    container.image !== undefined && knownImage(this.#services.images, container.image) !== undefined;

  async #live(): Promise<void> {
    const { signal } = this.#abort;
    const { pod } = this;
    const { metadata } = pod;
    const host: ContainerHost = {
      podDir: this.#place.dir,
      podName: `${metadata.name}_${metadata.namespace}(${metadata.uid})`,
      podIP: this.#place.podIP,
      shell: `-n ${metadata.namespace} ${metadata.name} -- bash`,
      graceMs: (pod.spec.terminationGracePeriodSeconds ?? 30) * 1000,
      tether: this.#services.tether,
      backoff: this.#services.backoff,
      resolve: (container, beside) => {
        const { images, sources, client, isolationFault } = this.#services;
        const [facts, podDir, volumes] = [this.#place, this.#place.dir, this.#volumes];
        const given = { images, sources, isolationFault, server: client.server, facts, podDir, volumes };
        return resolveContainer(container, { ...given, beside, pod: this.pod });
      },
      event: (type, reason, message) => this.#record(type, reason, message),
      changed: () => this.report(),
    };
    this.#containers = podRuns(host, pod);
    this.update(pod);
    if (this.#ending) return;

    await mkdir(this.#place.dir, { recursive: true, mode: 0o700 });
    this.report();
    const life: VolumeLife = {
      volumes: this.#volumes,
      containers: this.#allContainers.filter(this.#isReal),
      refreshMs: this.#services.refreshMs,
      signal,
      log: (message) => this.#services.log(`pod ${metadata.name}: ${message}`),
      missing: (message) => this.#record('Warning', 'FailedMount', message),
    };
    if (!(await mountVolumes(life))) return;
    void refreshVolumes(life);
    this.#ephemeral = ephemeralContainers(host, (name) =>
      this.#containers.main.find(({ container }) => container.name === name)?.entrance?.firstProcess?.(),
    );
    this.#ephemeral.follow(this.pod);
    for (const run of this.#containers.init) {
      const ended = run.run();
      await Promise.race([ended, isSidecar(run.container) ? run.started.promise : ended]);
      const failed = !isSidecar(run.container) && run.terminated?.exitCode !== 0;
      if (failed || signal.aborted) return this.report();
    }
    await Promise.all(this.#containers.main.map((run) => run.run()));
    // A finished pod's sidecars have nothing more to serve, and nobody looks into it.
    if (!signal.aborted) this.#deadline.end();
    if (!signal.aborted)
      await Promise.all([
        ...this.#containers.init.map((run) => run.stop(host.graceMs)),
        this.#ephemeral.stop(host.graceMs),
      ]);
    this.report();
  }

  /** The status is written soon; what changes meanwhile goes into the next write. */
  report(): void {
    this.#dirty = true;
    this.#reporting ??= this.#write().finally(() => {
      this.#reporting = undefined;
    });
  }

  #status(): PodStatus {
    const { podIP, hostIP } = this.#place;
    const initContainers = this.#containers.init.map(({ status }) => status);
    const statuses = this.#containers.main.map(({ status }) => status);
    const initialized = isInitialized({ pod: this.pod, containers: statuses, initContainers });
    const containers = statuses.map((status) =>
      !initialized && status.state?.waiting?.reason === 'ContainerCreating'
        ? { ...status, state: { waiting: { reason: 'PodInitializing' } } }
        : status,
    );
    const startTime = this.#startTime;
    return podStatus({
      pod: this.pod,
      podIP,
      hostIP,
      startTime,
      containers,
      initContainers,
      ephemeralContainers: this.#ephemeral?.statuses() ?? [],
      conditions: this.#conditions,
      over: this.#over,
      failure: this.#failure,
    });
  }

  async #write(): Promise<void> {
    // Several changes of one moment are one write.
    await sleep(5);
    while (this.#dirty && !this.#gone) {
      this.#dirty = false;
      const status = this.#status();
      this.#conditions = status.conditions as Condition[];
      if (sameJson(status, this.#reported)) continue;
      try {
        await this.#services.client.patch(
          pods,
          this.pod,
          { metadata: { uid: this.pod.metadata.uid, ...isolationAnnotation(this.#runs) }, status },
          'status',
        );
        this.#reported = status;
      } catch (error) {
        if (isStatus(error, 404) || this.#gone) return;
        if (!isStatus(error, 0, 409))
          this.#services.log(`pod ${this.pod.metadata.name}: status: ${(error as Error).message}`);
        this.#dirty = true;
        await sleep(RETRY_MS);
      }
    }
  }

  /** Ends all containers, sidecars after those that they serve. */
  async #stop(graceMs: number): Promise<void> {
    this.#deadline.end();
    this.#abort.abort();
    await Promise.all([...this.#containers.main.map((run) => run.stop(graceMs)), this.#ephemeral?.stop(graceMs)]);
    await Promise.all(this.#containers.init.map((run) => run.stop(graceMs)));
  }

  /** The pod is ended by the kubelet and stays as an object. As on a real node it is Failed only once nothing of it runs. */
  async #fail(failure: PodFailure): Promise<void> {
    this.#record('Normal', failure.reason, failure.message);
    await this.#stop((this.pod.spec.terminationGracePeriodSeconds ?? 30) * 1000);
    this.#failure = failure;
    this.report();
  }

  /** The graceful end: containers first, then the last status, then the object. */
  async #terminate(graceMs: number): Promise<void> {
    await this.#stop(graceMs);
    this.#over = true;
    this.report();
    await this.#reporting;
    while (!this.#gone) {
      try {
        await this.#services.client.delete(pods, this.pod, {
          gracePeriodSeconds: 0,
          preconditions: { uid: this.pod.metadata.uid },
        });
        return;
      } catch (error) {
        if (isStatus(error, 404, 409)) return;
        await sleep(RETRY_MS);
      }
    }
  }
}
