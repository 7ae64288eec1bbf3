import { seconds } from "@mswarm/runtime";
import { SeededRandom } from "@mswarm/runtime/simulated";
import { clusters, networks, nodes } from "@mswarm/store";
import { leadingStore } from "@mswarm/store/testing";
import { expect, test } from "vitest";
import { bootstrapCluster, type InitialCluster } from "./bootstrap.ts";

const initial: InitialCluster = {
  clusterId: "cluster",
  nodeId: "first",
  root: { certificatePem: "PEM", digest: "ab".repeat(32), keyPem: "KEY" },
  joinTokens: { worker: "w", manager: "m" },
};

test("a new cluster has its object, its first node and the predefined networks, in one commit", async () => {
  const store = leadingStore();
  let commits = 0;
  store.watch(() => {
    commits += 1;
  });
  await bootstrapCluster({ store, random: new SeededRandom(1) }, initial);
  expect(commits).toBe(1);
  store.view((tx) => {
    expect(tx.get(clusters, "cluster")).toMatchObject({
      spec: { annotations: { name: "default" }, orchestration: { taskHistoryRetentionLimit: "5" } },
      rootCa: { caCertHash: `sha256:${"ab".repeat(32)}`, joinTokens: { worker: "w", manager: "m" } },
      VXLANUDPPort: 4789,
    });
    expect(tx.get(clusters, "cluster")?.rootCa?.caKey?.toString()).toBe("KEY");
    expect(tx.get(nodes, "first")).toMatchObject({
      certificate: { cn: "first", role: "MANAGER", status: { state: "ISSUED" } },
      spec: { desiredRole: "MANAGER", membership: "ACCEPTED", availability: "ACTIVE" },
    });
    const names = [...tx.all(networks)].map((network) => network.spec?.annotations?.name);
    expect(names.sort()).toEqual(["bridge", "host"]);
  });
});

test("beginning again changes nothing, and keeps what was changed since", async () => {
  const store = leadingStore();
  await bootstrapCluster({ store, random: new SeededRandom(1) }, initial);
  await store.update((tx) => {
    const cluster = tx.get(clusters, "cluster");
    const dispatcher = { heartbeatPeriod: { seconds: String(seconds(9) / 1_000) } };
    tx.update(clusters, { ...cluster, spec: { ...cluster?.spec, dispatcher } });
  });
  const before = store.version;
  await bootstrapCluster(
    { store, random: new SeededRandom(2) },
    { ...initial, joinTokens: { worker: "x", manager: "y" } },
  );
  expect(store.version).toBe(before);
  expect(store.view((tx) => tx.get(clusters, "cluster"))?.rootCa?.joinTokens?.worker).toBe("w");
});
