import { wordOf } from "../../texts";

/** How a run was started, in words. */
export const triggerWord = (trigger: string): string => wordOf("trigger", trigger);
