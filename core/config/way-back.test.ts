import { expect, test } from 'vitest';
import { parsePipeline } from './pipeline.js';
import { refuseOtherWay } from './way-back.js';

const MAPPING = { path: 'mapping/growth.yaml', text: 'schema: growth\ntables: {t: {from: public.t}}\n' };
const BACK = 'pipeline: shop-back\nsource: {url: postgres://t}\ntarget: {url: postgres://s}\nwayBackOf: ..\n';
const FORWARD = 'pipeline: shop\nsource: {url: postgres://s}\ntarget: {url: postgres://t}\n';

const parse = (text: string) => parsePipeline({ pipeline: { path: 'pipeline.yaml', text }, mappings: [MAPPING] }, {});

test('a way back says of which pipeline it is', () => {
  expect(parse(BACK).wayBackOf).toEqual({
    name: 'shop',
    directory: '..',
    place: { file: 'pipeline.yaml', line: 4, column: 1 },
  });
  expect(parse(FORWARD).wayBackOf).toBeUndefined();
});

test('one that is not called so is refused', () => {
  expect(() => parse(BACK.replace('shop-back', 'shop_back'))).toThrow(
    'pipeline.yaml:4:1: wayBackOf: the pipeline shop_back is not called as a way back is',
  );
});

function judge(forward: string): void {
  const back = parse(BACK);
  refuseOtherWay(back, back.wayBackOf!, parse(forward));
}

test('it is the other direction of that pipeline, or refused', () => {
  expect(() => judge(FORWARD)).not.toThrow();
  expect(() => judge(FORWARD.replace('shop', 'shops'))).toThrow(
    'pipeline.yaml:4:1: wayBackOf: the pipeline in .. is shops, and this one is the way back of shop',
  );
  expect(() => judge(FORWARD.replace('//t', '//other'))).toThrow(
    'pipeline.yaml:4:1: wayBackOf: source.url is not target.url of shop',
  );
  expect(() => judge(FORWARD.replace('//s', '//other'))).toThrow('target.url is not source.url of shop');
  expect(() => judge(BACK)).toThrow('.. is a way back itself');
});
