export { cleanUpLab, prepareDemoImage, taskOutputs } from "./lab-engine.ts";
