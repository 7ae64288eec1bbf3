import type { Service, ServiceSpec } from "@mswarm/wire";
import { addFlag, type CliCommand, optionsOf, withConnection } from "../cli-command.ts";
import type { CliContext, Control } from "../cli-context.ts";
import { waitForService } from "../control/convergence.ts";
import { findService } from "../control/lookup.ts";
import { serviceInputs } from "../control/service-inputs.ts";
import { splitPair } from "../flags/key-values.ts";
import { type OptionValues, UsageError } from "../flags/option-values.ts";
import { parseUnsigned } from "../flags/quantities.ts";
import { LocalFailure } from "../local-failure.ts";
import { forEachArgument } from "../output/errors.ts";
import { scaled } from "../service-spec/mode.ts";
import { updatedServiceSpec } from "../service-spec/service.ts";
import { refuseLater } from "./service-create.ts";
import { addUpdateOptions } from "./service-options.ts";

interface Parts {
  readonly control: Control;
  readonly context: CliContext;
}

export function addServiceUpdate(parent: CliCommand, context: CliContext): void {
  const command = parent.command("update").description("Change a service");
  command.argument("<service>", "Service by id, name or prefix of the id");
  addUpdateOptions(command);
  command.action(async (text: string) => {
    const flags = optionsOf(command);
    refuseLater(flags);
    await withConnection(command, context, async ({ control }) => {
      const parts = { control, context };
      const service = await findService(control, text);
      if (flags.flag("rollback") === true) await rollBack(service, control);
      else {
        const image = flags.text("image") ?? service.spec?.task?.container?.image ?? "";
        const inputs = await serviceInputs(flags, image, parts);
        await write(service, updatedServiceSpec(service.spec ?? {}, flags, inputs), control);
      }
      context.out(`${text}\n`);
      await waitUnlessDetached(service, flags, parts);
    });
  });
}

export function addServiceRollback(parent: CliCommand, context: CliContext): void {
  const command = parent.command("rollback").description("Go back to the specification before the last update");
  command.argument("<service>", "Service by id, name or prefix of the id");
  addFlag(command, "-d, --detach", "Exit immediately instead of waiting for the service to converge");
  addFlag(command, "-q, --quiet", "Suppress progress output");
  command.action(async (text: string) => {
    await withConnection(command, context, async ({ control }) => {
      const service = await findService(control, text);
      await rollBack(service, control);
      context.out(`${text}\n`);
      await waitUnlessDetached(service, optionsOf(command), { control, context });
    });
  });
}

export function addServiceScale(parent: CliCommand, context: CliContext): void {
  const command = parent.command("scale").description("Change the number of replicas of services");
  command.argument("<scales...>", "SERVICE=REPLICAS");
  addFlag(command, "-d, --detach", "Exit immediately instead of waiting for the services to converge");
  command.action(async (texts: string[]) => {
    const scales = texts.map(parseScale);
    await withConnection(command, context, async ({ control }) => {
      const changed: Service[] = [];
      await forEachArgument(texts, async (text) => {
        const { name, replicas } = scales[texts.indexOf(text)] ?? parseScale(text);
        const service = await findService(control, name);
        if (service.spec?.replicated === undefined && service.spec?.replicatedJob === undefined) {
          throw new LocalFailure(
            "INVALID_ARGUMENT",
            `${name}: scale can only be used with replicated or replicated-job mode`,
          );
        }
        await write(service, scaled(service.spec, replicas), control);
        context.out(`${name} scaled to ${replicas}\n`);
        changed.push(service);
      });
      for (const service of changed) await waitUnlessDetached(service, optionsOf(command), { control, context });
    });
  });
}

/** Errors: UsageError. */
export function parseScale(text: string): { readonly name: string; readonly replicas: string } {
  const [name, count] = splitPair(text);
  if (name === "" || !text.includes("=")) {
    throw new UsageError(`invalid scale specifier '${text}': expected SERVICE=REPLICAS`);
  }
  try {
    return { name, replicas: parseUnsigned(count) };
  } catch (cause) {
    throw new UsageError(`${name}: invalid replicas value ${count}: must be a whole number`, { cause });
  }
}

async function write(service: Service, spec: ServiceSpec, control: Control): Promise<void> {
  await control.UpdateService({
    serviceId: service.id ?? "",
    serviceVersion: service.meta?.version ?? {},
    spec,
  });
}

async function rollBack(service: Service, control: Control): Promise<void> {
  await control.UpdateService({
    serviceId: service.id ?? "",
    serviceVersion: service.meta?.version ?? {},
    spec: service.spec ?? {},
    rollback: "PREVIOUS",
  });
}

async function waitUnlessDetached(service: Service, flags: OptionValues, parts: Parts): Promise<void> {
  if (flags.flag("detach") === true) return;
  await waitForService(service.id ?? "", parts, { isQuiet: flags.flag("quiet") === true });
}
