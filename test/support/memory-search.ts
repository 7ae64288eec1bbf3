// Looks for bytes in the memory of a running process, as root can.
import { open, readFile } from "node:fs/promises";

const chunkBytes = 1 << 20;

/** True when `bytes` lie somewhere in the readable memory of the process. */
export async function memoryHolds(pid: number, bytes: Buffer): Promise<boolean> {
  const maps = await readFile(`/proc/${pid}/maps`, "utf8");
  const memory = await open(`/proc/${pid}/mem`, "r");
  try {
    for (const line of maps.split("\n")) {
      const found = /^(?<from>[0-9a-f]+)-(?<to>[0-9a-f]+) rw.. \S+ \S+ \S+\s*(?<path>.*)$/.exec(line)?.groups;
      // What the kernel maps for itself cannot be read.
      if (found === undefined || /^\[(vvar|vsyscall)/.test(found["path"] ?? "")) continue;
      const [from, to] = [Number(`0x${found["from"]}`), Number(`0x${found["to"]}`)];
      for (let start = from; start < to; start += chunkBytes) {
        const length = Math.min(chunkBytes + bytes.length, to - start);
        const window = Buffer.alloc(length);
        // Memory that was given back meanwhile holds nothing any more.
        const { bytesRead } = await memory.read(window, 0, length, start).catch(() => ({ bytesRead: 0 }));
        if (window.subarray(0, bytesRead).includes(bytes)) return true;
      }
    }
    return false;
  } finally {
    await memory.close();
  }
}
