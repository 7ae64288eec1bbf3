// A member of Docker's Raft group that keeps what it is sent: it joins with the manager token like any manager, and
// acknowledges everything, so that the group stays alive.
import { webcrypto } from "node:crypto";
import {
  type handleClientStreamingCall,
  type handleUnaryCall,
  Server,
  ServerCredentials,
  type ServiceDefinition,
} from "@grpc/grpc-js";
import { createCertificateRequest } from "@mswarm/pki";
import { type Channel, openChannel, TlsMaterial } from "@mswarm/rpc";
import { invariant, seconds, systemClock } from "@mswarm/runtime";
import {
  codecOf,
  type HealthCheckRequest,
  type HealthCheckResponseInput,
  type raftpb,
  type StreamRaftMessageRequest,
  serviceOf,
} from "@mswarm/wire";

const requestCodec = codecOf<StreamRaftMessageRequest>("docker.swarmkit.v1.StreamRaftMessageRequest");

export interface RaftMemberOptions {
  readonly managerAddress: string;
  readonly managerToken: string;
  readonly port: number;
  /** Gets each message as it arrived. */
  readonly keep: (bytes: Buffer, message: raftpb.Message) => void;
}

export class RecordingRaftMember {
  readonly #options: RaftMemberOptions;
  readonly #server = new Server();
  #channel: Channel | undefined;
  #id = "";
  #lastIndex = 0n;

  private constructor(options: RaftMemberOptions) {
    this.#options = options;
  }

  /** Joins; resolves with the raw answer to `Join` too. */
  static async join(options: RaftMemberOptions): Promise<{ member: RecordingRaftMember; joinResponse: Buffer }> {
    const member = new RecordingRaftMember(options);
    const tls = await requestCertificate(options);
    await member.#serve(tls.current?.certificatePem ?? "", tls.current?.keyPem ?? "");
    const dialled = { address: options.managerAddress, clock: systemClock(), verifier: "none" } as const;
    member.#channel = openChannel({ ...dialled, tls, serverName: "swarm-manager" });
    const request = codecOf("docker.swarmkit.v1.JoinRequest").encode({ addr: `127.0.0.1:${options.port}` });
    const joinResponse = await member.#channel.bytes.unary("/docker.swarmkit.v1.RaftMembership/Join", request, {});
    const { raftId } = codecOf<{ raftId?: string }>("docker.swarmkit.v1.JoinResponse").decode(joinResponse);
    member.#id = raftId ?? "";
    return { member, joinResponse };
  }

  close(): void {
    this.#server.forceShutdown();
    this.#channel?.close();
  }

  async #serve(certificate: string, key: string): Promise<void> {
    const raft = bytesDefinition(serviceOf("docker.swarmkit.v1.Raft"));
    const stream: handleClientStreamingCall<Buffer, Buffer> = (call, done) => {
      const parts: Buffer[] = [];
      call.on("data", (part: Buffer) => parts.push(part));
      call.on("end", () => {
        for (const part of parts) this.#receive(part);
        done(null, Buffer.alloc(0));
      });
    };
    this.#server.addService(raft, { StreamRaftMessage: stream });
    const check: handleUnaryCall<HealthCheckRequest, HealthCheckResponseInput> = (_call, done) =>
      done(null, { status: "SERVING" });
    this.#server.addService(serviceOf("docker.swarmkit.v1.Health"), { Check: check });
    const pair = { cert_chain: Buffer.from(certificate), private_key: Buffer.from(key) };
    const credentials = ServerCredentials.createSsl(null, [pair], false);
    await new Promise<void>((resolve, reject) => {
      this.#server.bindAsync(`127.0.0.1:${this.#options.port}`, credentials, (error) =>
        error === null ? resolve() : reject(error),
      );
    });
  }

  #receive(bytes: Buffer): void {
    const { message } = requestCodec.decode(bytes);
    invariant(message !== undefined, "Docker sends one message in each request");
    this.#options.keep(bytes, message);
    const answer = this.#answer(message);
    if (answer === undefined) return;
    const reply = { ...answer, to: message.from ?? "0", from: this.#id, term: message.term ?? "0" };
    const request = codecOf<{ message: raftpb.Message }>("docker.swarmkit.v1.ProcessRaftMessageRequest").encode({
      message: reply,
    });
    // The leader repeats what it gets no answer to.
    this.#channel?.bytes.unary("/docker.swarmkit.v1.Raft/ProcessRaftMessage", request, {}).catch(() => undefined);
  }

  #answer(message: raftpb.Message): raftpb.Message | undefined {
    if (message.type === "MsgHeartbeat") {
      return { type: "MsgHeartbeatResp", ...(message.context === undefined ? {} : { context: message.context }) };
    }
    if (message.type === "MsgSnap") {
      this.#lastIndex = BigInt(message.snapshot?.metadata?.index ?? 0);
      return { type: "MsgAppResp", index: this.#lastIndex.toString() };
    }
    if (message.type !== "MsgApp") return undefined;
    const previous = BigInt(message.index ?? 0);
    if (previous > this.#lastIndex) {
      return { type: "MsgAppResp", index: previous.toString(), reject: true, rejectHint: this.#lastIndex.toString() };
    }
    const last = previous + BigInt(message.entries?.length ?? 0);
    if (last > this.#lastIndex) this.#lastIndex = last;
    return { type: "MsgAppResp", index: last.toString() };
  }
}

/** The definition with messages left as bytes. */
function bytesDefinition(definition: ServiceDefinition): ServiceDefinition {
  const same = (bytes: Buffer): Buffer => bytes;
  const methods = Object.entries(definition).map(([name, method]) => [
    name,
    { ...method, requestDeserialize: same, responseSerialize: same },
  ]);
  return Object.fromEntries(methods) as ServiceDefinition;
}

async function requestCertificate(options: RaftMemberOptions): Promise<TlsMaterial> {
  const { csrPem, keyPem } = await createCertificateRequest({ crypto: webcrypto });
  const clock = systemClock();
  const channel = openChannel({ address: options.managerAddress, serverName: "swarm-ca", verifier: "none", clock });
  try {
    const authority = channel.client("docker.swarmkit.v1.NodeCA");
    const issued = await authority.IssueNodeCertificate({
      csr: Buffer.from(csrPem),
      token: options.managerToken,
      // No task is to run on a node that does not exist.
      availability: "DRAIN",
    });
    const { certificate } = await authority.NodeCertificateStatus(
      { nodeId: issued.nodeId ?? "" },
      { timeout: seconds(30) },
    );
    return new TlsMaterial({ certificatePem: certificate?.certificate?.toString() ?? "", keyPem });
  } finally {
    channel.close();
  }
}
