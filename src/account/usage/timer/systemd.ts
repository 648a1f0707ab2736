import type { World } from '../../../context/world.ts';
import {
  installedUnit,
  removeUnit,
  systemctl,
  unitCommand,
  unitEnvironment,
  unitFile,
  writeUnit,
} from '../../user-units.ts';
import { type Timer, type TimerKind, times } from './timer.ts';

const timerName = 'cheapestinference-usage.timer';
const serviceName = 'cheapestinference-usage.service';

/** A timer of systemd's user manager. */
export const systemdTimer: TimerKind = {
  async problem(world) {
    return process.platform === 'linux' ? systemctl(world, 'show-environment') : "this system doesn't have systemd";
  },
  timer: (world) => new SystemdTimer(world),
};

class SystemdTimer implements Timer {
  readonly scheduler = 'systemd';
  readonly place: string;
  readonly #world: World;
  readonly #service: string;

  constructor(world: World) {
    this.#world = world;
    this.place = unitFile(world.env, timerName);
    this.#service = unitFile(world.env, serviceName);
  }

  async installed(): Promise<string | undefined> {
    const [timer, service] = [installedUnit(this.place), installedUnit(this.#service)];
    return timer === undefined && service === undefined ? undefined : joined(timer ?? '', service ?? '');
  }

  text(words: readonly string[]): string {
    return joined(timerText, this.#serviceText(words));
  }

  async install(words: readonly string[]): Promise<string | undefined> {
    const { env } = this.#world;
    writeUnit(this.#service, this.#serviceText(words), env);
    writeUnit(this.place, timerText, env);
    return (
      (await systemctl(this.#world, 'daemon-reload')) ??
      (await systemctl(this.#world, 'enable', timerName)) ??
      (await systemctl(this.#world, 'restart', timerName))
    );
  }

  async remove(): Promise<string | undefined> {
    const problem = await systemctl(this.#world, 'disable', '--now', timerName);
    removeUnit(this.place);
    removeUnit(this.#service);
    await systemctl(this.#world, 'daemon-reload');
    return problem;
  }

  #serviceText(words: readonly string[]): string {
    return `[Unit]
Description=CheapestInference usage snapshot
Documentation=https://github.com/cheapestinference/cli/blob/main/docs/platforms.md
StartLimitIntervalSec=1h
StartLimitBurst=4

[Service]
Type=oneshot
ExecStart=${unitCommand(words)}
Restart=on-failure
RestartSec=600
RestartPreventExitStatus=2 4 7
${unitEnvironment(this.#world.env)}`;
  }
}

const timerText = `[Unit]
Description=CheapestInference usage snapshots
Documentation=https://github.com/cheapestinference/cli/blob/main/docs/platforms.md

[Timer]
${times.map((time) => `OnCalendar=*-*-* ${time}:00 UTC\n`).join('')}AccuracySec=1s
Persistent=true

[Install]
WantedBy=timers.target
`;

function joined(timer: string, service: string): string {
  return `# ${timerName}\n${timer}\n# ${serviceName}\n${service}`;
}
