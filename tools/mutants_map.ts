/** Which tests have to notice a change of which file, quick ones first, and which changes change nothing, with the reason. */

import { core } from "./subjects/core.ts";
import { records } from "./subjects/records.ts";
import { stores } from "./subjects/stores.ts";
import type { Subject } from "./subjects/subject.ts";

export const subjects: Readonly<Record<string, Subject>> = { ...records, ...core, ...stores };
