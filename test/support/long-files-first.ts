import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Files that take minutes begin first: the last one would keep one worker alone, while the other has nothing left. */
const LONG = '/test/chaos/';

export default class LongFilesFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const isLong = ({ moduleId }: TestSpecification) => moduleId.includes(LONG);
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))];
  }
}
