// What every engine has to do, as cases that any test runner can run.
export { type EngineContractCase, type EngineContractSubject, engineContract } from "./engine-contract.ts";
export { plainContainer } from "./plain-container.ts";
