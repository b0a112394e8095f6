/** The menu's signs, drawn here: fonts differ in which they have. */
const PATHS = {
  workflows: "M5 4v8a4 4 0 0 0 4 4h6M5 4a2 2 0 1 0 0-.01M15 16a2 2 0 1 0 4 0a2 2 0 1 0-4 0M5 9h6a2 2 0 0 0 2-2",
  runs: "M6 4l11 6-11 6z",
  components: "M4 4h5v5H4zM11 4h5v5h-5zM4 11h5v5H4zM11 11h5v5h-5z",
  credentials: "M5 9h10v7H5zM7 9V6.5a3 3 0 0 1 6 0V9",
  schedules: "M10 3a7 7 0 1 0 .01 0M10 6.5V10l2.5 2",
  stores: "M4 5.5c0-1.4 2.7-2.5 6-2.5s6 1.1 6 2.5-2.7 2.5-6 2.5-6-1.1-6-2.5zM4 5.5v9c0 1.4 2.7 2.5 6 2.5s6-1.1 6-2.5v-9M4 10c0 1.4 2.7 2.5 6 2.5s6-1.1 6-2.5",
  audit: "M5 5h10M5 10h10M5 15h6",
  keys: "M12.5 3.5a4 4 0 1 1-3.2 6.4L4 15.2V17h3v-2h2v-2l1.3-1.3M13.5 7h.01",
  health: "M3 10h3l2-5 3.5 10L14 10h3",
};

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" width="18" height="18" viewBox="0 0 20 20" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}
