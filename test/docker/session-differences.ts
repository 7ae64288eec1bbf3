// Where mswarm answers a command of the session otherwise than Docker, and why.

const differences: Readonly<Record<string, string>> = {
  "swarm init --advertise-addr {address} --listen-addr {address}:{port} --cert-expiry 1s":
    "both refuse in the same words; Docker makes the swarm first and says that updating it failed, mswarm makes none",
  "info --format {{json .Swarm.RemoteManagers}} {{.Swarm.NodeAddr}} {{.Swarm.Cluster.DataPathPort}} {{json .Swarm.Cluster.DefaultAddrPool}}":
    "mswarm records the address pool that it uses, Docker leaves its default unsaid",
  "node inspect self --format {{json .Description.Platform}} {{json .Description.Resources}} {{json .Description.Engine}}":
    "mswarm's nodes carry the engine label mswarm.version, and offer no network drivers that services cannot use on them",
  "node inspect --pretty self": "the same label and drivers",
};

/** Why this command's answer differs; undefined when it must not. */
export const differenceOf = (line: string): string | undefined => differences[line];
