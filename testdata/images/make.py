"""Makes the sample files of this folder: pip install pillow imagecodecs tifffile numpy OpenEXR"""
import io, struct, numpy as np, imagecodecs, tifffile
from PIL import Image, ImageCms
import os
OUT=os.path.dirname(os.path.abspath(__file__))+'/'
def w(n,b): open(OUT+n,'wb').write(b); print(n,len(b))
W,H=24,16
yy,xx=np.mgrid[0:H,0:W]
rgb=np.stack([xx*255//(W-1), yy*255//(H-1), (xx+yy)*255//(W+H-2)],-1).astype(np.uint8)
grey=rgb[...,0]
rgba=np.dstack([rgb, np.where(xx>4,255-yy*8,0).astype(np.uint8)])
rgb16=(np.stack([xx*65535//(W-1), yy*65535//(H-1), (xx+yy)*65535//(W+H-2)],-1)).astype(np.uint16)
def save(img,fmt,**k):
    b=io.BytesIO(); img.save(b,fmt,**k); return b.getvalue()
P=Image.fromarray
cmyk=np.dstack([255-rgb, (xx*2).astype(np.uint8)])
w('cmyk.jpg', save(P(cmyk,'CMYK'),'JPEG',quality=95))
# ycck: PIL writes CMYK only; imagecodecs can
try:
    y=imagecodecs.jpeg8_encode(255-cmyk, level=95, colorspace='CMYK', outcolorspace='YCCK', subsampling='444'); w('ycck.jpg', y)
except Exception as e: print('ycck',e)
def cmyk_profile():
    # every ink alone or together prints mid-grey: no formula would say so
    def tag(sig,body): return (sig,body+b'\0'*(-len(body)%4))
    clut=b''.join(bytes([255,128,128]) if i==0 else bytes([137,128,128]) for i in range(16))
    lut=b'mft1\0\0\0\0'+bytes([4,3,2,0])+b''.join(struct.pack('>i',int(v*65536)) for v in (1,0,0,0,1,0,0,0,1))+bytes(range(256))*4+clut+bytes(range(256))*3
    tags=[tag(b'desc',b'desc\0\0\0\0'+struct.pack('>I',5)+b'grey\0'+b'\0'*78),tag(b'cprt',b'text\0\0\0\0none\0'),tag(b'wtpt',b'XYZ \0\0\0\0'+struct.pack('>iii',63190,65536,54061)),tag(b'A2B0',lut),tag(b'A2B1',lut)]
    at=128+4+12*len(tags); table=struct.pack('>I',len(tags)); data=b''
    for sig,body in tags: table+=sig+struct.pack('>II',at+len(data),len(body)); data+=body
    size=at+len(data)
    head=struct.pack('>I',size)+b'none'+struct.pack('>I',0x02400000)+b'prtrCMYKLab '+struct.pack('>6H',2026,1,1,0,0,0)+b'acsp'+b'\0'*28+struct.pack('>iii',63190,65536,54061)
    return head+b'\0'*(128-len(head))+table+data
w('cmyk-icc.jpg', save(P(cmyk,'CMYK'),'JPEG',quality=95,icc_profile=cmyk_profile()))
w('progressive.jpg', save(P(rgb),'JPEG',quality=90,progressive=True))
w('grey.jpg', save(P(grey),'JPEG',quality=90))
w('rgb.jpg', imagecodecs.jpeg8_encode(rgb, level=95, colorspace='RGB', outcolorspace='RGB'))
w('palette.png', save(P(rgb).quantize(8),'PNG',bits=4))
w('palette-alpha.png', save(P(rgba).quantize(8),'PNG'))
w('bilevel.png', save(P(grey).convert('1'),'PNG'))
w('grey16.png', imagecodecs.png_encode(np.ascontiguousarray(rgb16[...,0])))
def interlaced():
    import zlib
    def ch(t,d): return struct.pack('>I',len(d))+t+d+struct.pack('>I',zlib.crc32(t+d))
    raw=b''
    for (x0,y0,dx,dy) in [(0,0,8,8),(4,0,8,8),(0,4,4,8),(2,0,4,4),(0,2,2,4),(1,0,2,2),(0,1,1,2)]:
        for r in rgb[y0::dy, x0::dx]: raw+=b'\0'+r.tobytes()
    return b'\x89PNG\r\n\x1a\n'+ch(b'IHDR',struct.pack('>IIBBBBB',W,H,8,2,0,0,1))+ch(b'IDAT',zlib.compress(raw))+ch(b'IEND',b'')
w('interlaced.png', interlaced())
b=io.BytesIO(); P(rgb).save(b,'PNG',save_all=True,append_images=[P(255-rgb)],duration=100); w('animated.png', b.getvalue())
b=io.BytesIO(); P(rgb).quantize(16).save(b,'GIF',save_all=True,append_images=[P(255-rgb).quantize(16)],duration=100); w('animated.gif', b.getvalue())
w('rgb.bmp', save(P(rgb),'BMP')); w('rgb.tga', save(P(rgb),'TGA')); w('rle.tga', save(P(rgba),'TGA',compression='tga_rle'))
w('lossy.webp', save(P(rgba),'WEBP',quality=80)); w('lossless.webp', save(P(rgba),'WEBP',lossless=True,exact=True))
w('rgb.qoi', imagecodecs.qoi_encode(rgb))
w('plain.ppm', ('P3\n%d %d\n255\n'%(W,H)+' '.join(map(str,rgb.flatten()))+'\n').encode())
w('bilevel.pbm', save(P(grey).convert('1'),'PPM'))
def tif(n,a,**k):
    b=io.BytesIO(); tifffile.imwrite(b,a,metadata=None,**k); w(n,b.getvalue())
tif('rgb16.tif',rgb16,photometric='rgb',compression='lzw',predictor=True)
tif('tiled.tif',rgb,photometric='rgb',tile=(16,16),compression='zlib')
tif('planar.tif',np.moveaxis(rgb,-1,0).copy(),photometric='rgb',planarconfig='separate')
tif('float.tif',(rgb16/65535).astype(np.float32),photometric='rgb')
tif('big-endian.tif',rgb16,photometric='rgb',byteorder='>')
tif('big.tif',rgb,photometric='rgb',bigtiff=True)
tif('cmyk.tif',cmyk,photometric='separated')
tif('associated.tif',np.dstack([(rgba[...,:3].astype(int)*rgba[...,3:]//255).astype(np.uint8),rgba[...,3]]),photometric='rgb',extrasamples=['assocalpha'])
b=save(P(rgb).quantize(16),'TIFF'); w('palette.tif', b)
w('bilevel.tif', save(P(grey).convert('1'),'TIFF',compression='group4'))
w('jpeg.tif', save(P(rgb),'TIFF',compression='jpeg',quality=95))
e=P(rgb).getexif(); 
w('turned.tif', save(P(rgb),'TIFF',tiffinfo={274:6}))
for n,a,k in [('rgb.jxl',rgb,dict(lossless=True)),('rgb16.jxl',rgb16,dict(lossless=True)),('rgba.jxl',rgba,dict(lossless=True)),('grey.jxl',grey,dict(lossless=True)),('lossy.jxl',rgb,dict(distance=0.5)),('float.jxl',(rgb16/65535).astype(np.float32),dict(lossless=True))]:
    try: w(n, imagecodecs.jpegxl_encode(a,**k))
    except Exception as ex: print(n,ex)
w('420.avif', save(P(rgb),'AVIF',quality=90,subsampling='4:2:0'))
w('rgba.avif', save(P(rgba),'AVIF',quality=95,subsampling='4:4:4'))
try: w('10bit.avif', imagecodecs.avif_encode((rgb16>>6), level=95, bitspersample=10, pixelformat='444'))
except Exception as ex: print('avif10',ex)
try: w('grey.avif', imagecodecs.avif_encode(grey, level=95, pixelformat='400'))
except Exception as ex: print('avifgrey',ex)
import OpenEXR
def exr(n, d):
    h={'compression':OpenEXR.ZIP_COMPRESSION,'type':OpenEXR.scanlineimage}
    with OpenEXR.File(h,d) as f: f.write(OUT+n)
    print(n, os.path.getsize(OUT+n))
lin=(rgb16/65535).astype(np.float32)*4
exr('rgb.exr',{'RGB':lin})
a=(rgba[...,3]/255).astype(np.float32)
exr('rgba.exr',{'RGBA':np.dstack([lin*a[...,None],a]).astype(np.float16)})
exr('grey.exr',{'Y':lin[...,0].astype(np.float16).copy()})
def rgbe():
    out=b'#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y %d +X %d\n'%(H,W)
    for row in lin:
        for p in row:
            m=p.max()
            if m<1e-9: out+=b'\0\0\0\0'; continue
            f,e=np.frexp(m); s=f*256/m; out+=bytes([int(v*s) for v in p]+[e+128])
    return out
w('flat.hdr', rgbe())
w('rgb.ppm', save(P(rgb),'PPM'))
w('icc.png', save(P(rgb),'PNG',icc_profile=ImageCms.ImageCmsProfile(ImageCms.createProfile('sRGB')).tobytes()))
