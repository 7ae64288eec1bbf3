/** Freezes an object and everything in it. Bytes cannot be frozen by the language and are left as they are. */
export function deepFreeze<T>(object: T): T {
  if (typeof object !== "object" || object === null || ArrayBuffer.isView(object) || Object.isFrozen(object)) {
    return object;
  }
  Object.freeze(object);
  for (const value of Object.values(object)) deepFreeze(value);
  return object;
}
