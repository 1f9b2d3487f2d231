// Names on the wire: every byte of UTF-8 outside A-Za-z0-9_- is %XX, capitals; each name has one spelling.
#include "ByteBuffer.mqh"

#define NAME_BYTES_MAX 64

class CNameCode
  {
private:
   static bool       Safe(const int byte)
     {
      return((byte>='A' && byte<='Z') || (byte>='a' && byte<='z') || (byte>='0' && byte<='9') || byte=='_' || byte=='-');
     }
   static int        Digit(const int letter)
     {
      if(letter>='0' && letter<='9')
         return(letter-'0');
      return(letter>='A' && letter<='F' ? letter-'A'+10 : -1);
     }
   //--- the code point at `at` and how many bytes it has; 0 where it is no UTF-8
   static int        Point(const CByteBuffer &raw,const int at,int &point)
     {
      int lead=(int)raw.At(at);
      int count=lead<0x80 ? 1 : lead<0xC2 ? 0 : lead<0xE0 ? 2 : lead<0xF0 ? 3 : lead<0xF5 ? 4 : 0;
      if(count==0 || at+count>raw.Size())
         return(0);
      point=count==1 ? lead : lead&(0x7F>>count);
      for(int i=1; i<count; i++)
        {
         int next=(int)raw.At(at+i);
         if((next&0xC0)!=0x80)
            return(0);
         point=point*64+(next&0x3F);
        }
      if((count==3 && (point<0x800 || (point>=0xD800 && point<0xE000))) || (count==4 && (point<0x10000 || point>0x10FFFF)))
         return(0);
      return(count);
     }
   static bool       GoodBytes(const CByteBuffer &raw,const bool control_allowed)
     {
      int point=0;
      if(raw.Size()<1 || raw.Size()>NAME_BYTES_MAX)
         return(false);
      for(int at=0; at<raw.Size();)
        {
         int count=Point(raw,at,point);
         if(count==0 || (!control_allowed && (point<32 || (point>=127 && point<160))))
            return(false);
         at+=count;
        }
      return(true);
     }

public:
   //--- the wire's spelling; empty where the name cannot be one
   static string     Encode(const string name)
     {
      uchar bytes[];
      CByteBuffer raw;
      string digits="0123456789ABCDEF";
      string text="";
      int count=StringToCharArray(name,bytes,0,-1,CP_UTF8)-1;
      raw.AddBytes(bytes,0,count);
      if(!GoodBytes(raw,false))
         return("");
      for(int at=0; at<count; at++)
        {
         int byte=(int)bytes[at];
         text+=Safe(byte) ? CharToString(bytes[at]) : "%"+StringSubstr(digits,byte>>4,1)+StringSubstr(digits,byte&15,1);
        }
      return(text);
     }
   //--- whether a text is a name in its one spelling
   static bool       IsEncoded(const string text,const bool control_allowed)
     {
      CByteBuffer raw;
      int length=StringLen(text);
      for(int at=0; at<length; at++)
        {
         int letter=(int)StringGetCharacter(text,at);
         if(letter=='%')
           {
            if(at+2>=length)
               return(false);
            int high=Digit((int)StringGetCharacter(text,at+1));
            int low=Digit((int)StringGetCharacter(text,at+2));
            if(high<0 || low<0 || Safe(16*high+low))
               return(false);
            raw.Add(16*high+low);
            at+=2;
           }
         else if(Safe(letter))
            raw.Add(letter);
         else
            return(false);
        }
      return(GoodBytes(raw,control_allowed));
     }
  };
