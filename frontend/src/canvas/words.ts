const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const DAY = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });

/** A time as one says it: the hour of today, the day of what is longer ago. */
export function moment(iso: string): string {
  const then = new Date(iso);
  const today = then.toDateString() === new Date().toDateString();
  return today ? CLOCK.format(then) : `${DAY.format(then)}, ${CLOCK.format(then)}`;
}
