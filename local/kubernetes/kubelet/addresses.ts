/** Loopback addresses: each pod and each node has its own, so two processes may use one port. */

/** The last number of a node's address is one of 1 to this. */
const NODES = 254;

/** All addresses that nodes may have in a network. */
export const nodeAddresses = (network: string): string[] =>
  Array.from({ length: NODES }, (_, n) => `${network}.0.${n + 1}`);

/** Nodes have `NET.0.x`, pods `NET.1.1` to `NET.254.254`, handed out in turn so that an address is not reused at once. */
export class Addresses {
  readonly #network: string;
  readonly #taken = new Map<string, string>();
  readonly #held = new Map<string, string>();
  #pod = 0;

  /** `network`: the first two bytes, `127.42`. Linux answers on all of 127/8. */
  constructor(network: string) {
    if (!/^127\.\d{1,3}$/.test(network))
      throw new Error(`pod network "${network}" is not the first two bytes of a loopback network: write 127.42`);
    this.#network = network;
  }

  /** Takes an address that `owner` had before, if it is of this network and free. */
  #reclaim(owner: string, address: string | undefined): string | undefined {
    if (address === undefined || !address.startsWith(`${this.#network}.`)) return undefined;
    const holder = this.#taken.get(address);
    if (holder !== undefined && holder !== owner) return undefined;
    return this.#take(address, owner);
  }

  #take(address: string, owner: string): string {
    this.#taken.set(address, owner);
    this.#held.set(owner, address);
    return address;
  }

  #free(from: () => string, tries: number, owner: string): string {
    for (let i = 0; i < tries; i += 1) {
      const address = from();
      if (this.#taken.has(address)) continue;
      return this.#take(address, owner);
    }
    throw new Error(`all addresses of ${this.#network} are in use`);
  }

  /** Who has an address keeps it; else the one that it had before, if that is free. */
  forPod(uid: string, before?: string): string {
    const next = () => {
      this.#pod = (this.#pod % (254 * 254)) + 1;
      return `${this.#network}.${1 + Math.floor((this.#pod - 1) / 254)}.${1 + ((this.#pod - 1) % 254)}`;
    };
    return this.#held.get(uid) ?? this.#reclaim(uid, before) ?? this.#free(next, 254 * 254, uid);
  }

  forNode(name: string, before?: string): string {
    let n = 0;
    const next = () => {
      n += 1;
      return `${this.#network}.0.${n}`;
    };
    return this.#held.get(name) ?? this.#reclaim(name, before) ?? this.#free(next, NODES, name);
  }

  release(owner: string): void {
    this.#taken.delete(this.#held.get(owner) ?? '');
    this.#held.delete(owner);
  }
}
