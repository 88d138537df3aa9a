/** All fuzz targets, for the suite and for `deno task fuzz`. */

import { cookieTargets } from "./cookies.ts";
import { djangoTargets } from "./django.ts";
import type { Target } from "./inputs.ts";
import { recordTargets } from "./records.ts";

export const targets: readonly Target[] = [...cookieTargets, ...recordTargets, ...djangoTargets];
