// Docker's swarm mode: one private dockerd per node, all on one wire.
import { join } from "node:path";
import { PrivateDockerd, PrivateNetwork } from "./private-dockerd.ts";
import { residentBytesOf, type Swarm, type SwarmNode } from "./swarm.ts";

/** @param imageArchive  a tar for `docker import` */
export async function dockerSwarm(imageArchive: string): Promise<Swarm> {
  const network = await PrivateNetwork.open();
  return {
    name: "docker",
    image: "bench:latest",
    start: async () => new DockerNode(await PrivateDockerd.start(network, imageArchive)),
    close: async () => network.close(),
  };
}

class DockerNode implements SwarmNode {
  readonly address: string;
  readonly controlPath: string;
  readonly apiPath: string;
  readonly enginePath: string;
  readonly #dockerd: PrivateDockerd;

  constructor(dockerd: PrivateDockerd) {
    this.#dockerd = dockerd;
    this.address = `${dockerd.host}:2377`;
    this.apiPath = dockerd.socketPath;
    this.enginePath = dockerd.socketPath;
    this.controlPath = join(dockerd.folder, "e/swarm/control.sock");
  }

  async init(): Promise<void> {
    await this.#dockerd.call("POST", "/swarm/init", { ListenAddr: this.address, AdvertiseAddr: this.address });
  }

  async join(token: string, manager: SwarmNode): Promise<void> {
    await this.#dockerd.call("POST", "/swarm/join", {
      ListenAddr: this.address,
      AdvertiseAddr: this.address,
      JoinToken: token,
      RemoteAddrs: [manager.address],
    });
  }

  async kill(): Promise<void> {
    await this.#dockerd.kill();
  }

  async residentBytes(): Promise<number> {
    return await residentBytesOf(await this.#dockerd.pid());
  }

  async destroy(): Promise<void> {
    await this.#dockerd.destroy();
  }
}
