import { createTestAuthority, testManager, testWorker } from "@mswarm/rpc/testing";
import grpc from "@grpc/grpc-js";
import { serviceOf } from "@mswarm/wire";
const a = await createTestAuthority();
const s = await a.issue(testManager()); const c = await a.issue(testWorker());
const server = new grpc.Server({"grpc.enable_channelz":0});
server.addService(serviceOf("docker.swarmkit.v1.Health") as never, { Check: (_c: unknown, cb: (e: null, r: object) => void) => cb(null, { status: "SERVING" }) } as never);
const port = await new Promise<number>((r) => server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createSsl(null, [{ private_key: Buffer.from(s.keyPem), cert_chain: Buffer.from(s.certificatePem) }], false), (_e, p) => r(p)));
const C = grpc.makeGenericClientConstructor(serviceOf("docker.swarmkit.v1.Health") as never, "x");
const client = new C(`127.0.0.1:${port}`, grpc.credentials.createSsl(null, Buffer.from(c.keyPem), Buffer.from(c.certificatePem), { rejectUnauthorized: false }),{"grpc.enable_channelz":0});
const call = (): Promise<unknown> => new Promise((ok, no) => (client as never as {Check: Function}).Check({ service: "Raft" }, (e: unknown, r: unknown) => e ? no(e) : ok(r)));
async function burst(n: number) { let left = n; const t = performance.now(); await Promise.all(Array.from({ length: 32 }, async () => { while (left-- > 0) await call(); })); return n * 1000 / (performance.now() - t); }
await burst(5000); const b = process.cpuUsage(); const r = await burst(50000); const u = process.cpuUsage(b); console.log("bare", r, (u.user+u.system)/50000); client.close(); server.forceShutdown();
