// One service of a cluster under test: changed as a user changes it, and watched until it is what was asked for.
import { isSwarmError } from "@mswarm/runtime";
import type { ServiceSpecInput, Task } from "@mswarm/wire";
import { expect } from "vitest";
import { callLimit, eventually } from "./eventually.ts";
import type { TestCluster } from "./test-cluster.ts";

const inTime = { timeout: callLimit };

export class TestService {
  readonly id: string;
  /** In force, or on its way. */
  spec: ServiceSpecInput;
  readonly #cluster: TestCluster;

  private constructor(cluster: TestCluster, id: string, spec: ServiceSpecInput) {
    this.#cluster = cluster;
    this.id = id;
    this.spec = spec;
  }

  static async create(cluster: TestCluster, spec: ServiceSpecInput): Promise<TestService> {
    return new TestService(cluster, await cluster.createService(spec), spec);
  }

  /** One that somebody else has made. */
  static existing(cluster: TestCluster, id: string, spec: ServiceSpecInput): TestService {
    return new TestService(cluster, id, spec);
  }

  async update(spec: ServiceSpecInput): Promise<void> {
    await this.#put(spec, "NONE");
    this.spec = spec;
  }

  /** Back to the spec before, as `docker service rollback`; `spec` is not told. */
  async rollBack(): Promise<void> {
    await this.#put(this.spec, "PREVIOUS");
  }

  async scale(replicas: number): Promise<void> {
    await this.update({ ...this.spec, replicated: { replicas: String(replicas) } });
  }

  /** Waits until its update has come to this end. */
  async updateEnds(state: string): Promise<void> {
    await eventually(async () => {
      const { service } = await (await this.#cluster.control()).GetService({ serviceId: this.id }, inTime);
      expect(service?.updateStatus?.state).toBe(state);
    });
  }

  /** As `TestCluster.running`. */
  async running(count: number, isDone?: (tasks: readonly Task[]) => boolean): Promise<readonly Task[]> {
    return await this.#cluster.running(this.id, count, isDone);
  }

  async tasks(): Promise<readonly Task[]> {
    return await this.#cluster.tasks(this.id);
  }

  /** Removes it and waits until its containers are gone. */
  async remove(): Promise<void> {
    let tries = 0;
    await eventually(async () => {
      tries += 1;
      try {
        await (await this.#cluster.control()).RemoveService({ serviceId: this.id }, inTime);
      } catch (error) {
        // Of an earlier try only the answer was lost.
        if (tries === 1 || !isSwarmError(error, "NOT_FOUND")) throw error;
      }
    });
    await eventually(async () => {
      const labels = { "com.docker.swarm.service.name": this.spec.annotations?.name ?? "" };
      expect(await this.#cluster.containers(labels)).toEqual([]);
    });
  }

  async #put(spec: ServiceSpecInput, rollback: "NONE" | "PREVIOUS"): Promise<void> {
    // The orchestrator may change the service between our read and our write.
    await eventually(async () => {
      const control = await this.#cluster.control();
      const { service } = await control.GetService({ serviceId: this.id }, inTime);
      const request = { serviceId: this.id, serviceVersion: service?.meta?.version ?? {} };
      await control.UpdateService({ ...request, spec, rollback }, inTime);
    });
  }
}
