import { parseJoinToken } from "@mswarm/pki";
import { testAuthority } from "@mswarm/pki/testing";
import { clusters } from "@mswarm/store";
import type { Cluster, ClusterSpec, KeyRotation } from "@mswarm/wire";
import { expect, test } from "vitest";
import { type ControlFixture, controlFixture, localCall } from "./testing/control-fixture.ts";

const secretBytes = Buffer.from("do not show");
const annotations = { name: "default" };

async function fixtureWith(changes: Partial<Cluster> = {}): Promise<ControlFixture & { change: Change }> {
  const fixture = controlFixture();
  await fixture.put(clusters, {
    id: "c",
    spec: { annotations, caConfig: { signingCaKey: secretBytes, signingCaCert: secretBytes, forceRotate: "0" } },
    rootCa: {
      caKey: secretBytes,
      caCert: Buffer.from("root"),
      joinTokens: { worker: "w", manager: "m" },
      rootRotation: { caKey: secretBytes, crossSignedCaCert: Buffer.from("cross") },
    },
    unlockKeys: [{ key: secretBytes }],
    networkBootstrapKeys: [{ key: secretBytes }],
    fips: true,
    ...changes,
  });
  const change: Change = async (spec, rotation = {}) => {
    const clusterVersion = fixture.store.view((tx) => tx.get(clusters, "c")?.meta?.version) ?? {};
    return (await fixture.control.UpdateCluster({ clusterId: "c", clusterVersion, spec, rotation }, localCall)).cluster;
  };
  return { ...fixture, change };
}
type Change = (spec: ClusterSpec, rotation?: KeyRotation) => Promise<Cluster | undefined>;

test("no answer about a cluster contains a key", async () => {
  const { control, change } = await fixtureWith();
  const got = (await control.GetCluster({ clusterId: "c" }, localCall)).cluster;
  const [listed] = (await control.ListClusters({}, localCall)).clusters ?? [];
  const updated = await change({ annotations });
  for (const answer of [got, listed, updated]) {
    const bytes = JSON.stringify(answer, (_key, value: unknown) => value);
    expect(bytes).not.toContain(JSON.stringify(secretBytes).slice(10, 40));
    expect(answer?.unlockKeys).toBeUndefined();
    expect(answer?.networkBootstrapKeys).toBeUndefined();
    expect(answer?.fips).toBeUndefined();
    expect(answer?.rootCa?.joinTokens).toEqual({ worker: "w", manager: "m" });
    expect(answer?.rootCa?.rootRotation?.crossSignedCaCert?.toString()).toBe("cross");
    expect(answer?.defaultAddressPool).toEqual(["10.0.0.0/8"]);
    expect([answer?.subnetSize, answer?.VXLANUDPPort]).toEqual([24, 4789]);
  }
});

test.each<[ClusterSpec, string]>([
  [{ annotations, caConfig: { nodeCertExpiry: { seconds: "3599" } } }, "minimum certificate expiry time is: 1h0m0s"],
  [
    { annotations, dispatcher: { heartbeatPeriod: { seconds: "-1" } } },
    "heartbeat time period cannot be a negative duration",
  ],
  [{ annotations: { name: "other" } }, "modification of cluster name is not allowed"],
  [
    { annotations, acceptancePolicy: { policies: [{ secret: { alg: "md5" } }] } },
    "hashing algorithm is not supported: md5",
  ],
])("the settings %o are refused", async (spec, message) => {
  const { change } = await fixtureWith();
  await expect(change(spec)).rejects.toMatchObject({ code: "INVALID_ARGUMENT", message });
});

test.each<[string, ClusterSpec]>([
  ["a new root", { annotations, caConfig: { signingCaCert: Buffer.from("x") } }],
  ["a forced rotation", { annotations, caConfig: { forceRotate: "1" } }],
  ["an external authority", { annotations, caConfig: { externalCas: [{ url: "https://ca" }] } }],
  ["locked managers", { annotations, encryptionConfig: { autoLockManagers: true } }],
])("%s is refused with a sentence", async (_what, spec) => {
  const { change, store } = await fixtureWith();
  const before = store.save();
  await expect(change(spec)).rejects.toMatchObject({
    code: "UNIMPLEMENTED",
    message: expect.stringContaining("this version of mswarm"),
  });
  expect(store.save()).toEqual(before);
});

test("the count of forced rotations that is already done is no new rotation", async () => {
  const { change } = await fixtureWith({ rootCa: { lastForcedRotation: "3" } });
  await change({ annotations, caConfig: { forceRotate: "3" } });
});

test("join tokens are replaced one by one, and carry the digest of the root", async () => {
  const { rootPem, authority } = await testAuthority();
  const joinTokens = { worker: "w", manager: "m" };
  const { change } = await fixtureWith({ rootCa: { caCert: Buffer.from(rootPem), joinTokens } });
  const first = (await change({ annotations }, { workerJoinToken: true }))?.rootCa?.joinTokens;
  expect(first?.manager).toBe("m");
  expect(parseJoinToken(first?.worker ?? "").rootDigest).toBe(authority.rootDigest);
  const second = (await change({ annotations }, { managerJoinToken: true, workerJoinToken: true }))?.rootCa?.joinTokens;
  expect(second?.manager).not.toBe(second?.worker);
  expect(second?.worker).not.toBe(first?.worker);
});

test("settings are stored, everything else of the cluster stays", async () => {
  const { change, store } = await fixtureWith();
  await change({ annotations, dispatcher: { heartbeatPeriod: { seconds: "3" } } });
  const stored = store.view((tx) => tx.get(clusters, "c"));
  expect(stored?.spec?.dispatcher?.heartbeatPeriod?.seconds).toBe("3");
  expect(stored?.unlockKeys).toEqual([{ key: secretBytes }]);
  expect(stored?.rootCa?.caKey).toEqual(secretBytes);
});

test("requests about clusters must be complete, known and current", async () => {
  const { control } = await fixtureWith();
  await expect(control.GetCluster({}, localCall)).rejects.toThrow("invalid argument");
  await expect(control.GetCluster({ clusterId: "x" }, localCall)).rejects.toThrow("cluster x not found");
  await expect(control.UpdateCluster({ clusterId: "c", spec: { annotations } }, localCall)).rejects.toThrow(
    "invalid argument",
  );
  const stale = { clusterId: "c", clusterVersion: { index: "99" }, spec: { annotations } };
  await expect(control.UpdateCluster(stale, localCall)).rejects.toThrow("update out of sequence");
});
