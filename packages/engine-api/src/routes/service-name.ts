// Names for services that are not given one.
import { cryptoRandom, pick, type Random } from "@mswarm/runtime";

const adjectives =
  "brave bright calm clever crisp eager fair gentle happy keen kind lively merry nimble quiet swift".split(" ");
const surnames = (
  "babbage curie dijkstra euler fermat goldberg hamilton hopper knuth lamport liskov lovelace meitner newton noether " +
  "perlman ritchie shannon thompson turing wozniak yonath"
).split(" ");

/** `adjective_surname`, as Docker's are. Two services may get the same one: the second is then refused. */
export const randomServiceName = (random: Random = cryptoRandom()): string =>
  `${pick(adjectives, random)}_${pick(surnames, random)}`;
